import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";

/** What a test does with an official client, whichever it is. */
export type SdkClient = {
  /** Protocol version the client and the server agreed on. */
  readonly version: string | undefined;
  readonly sessionId: string | undefined;
  readonly serverName: string | undefined;
  /** Notifications that arrived, but for progress, in their order. */
  readonly heard: readonly Heard[];
  listTools(): Promise<string[]>;
  listResources(): Promise<string[]>;
  listPrompts(): Promise<string[]>;
  /** Reads a resource and returns the text of its first part. */
  readResource(uri: string): Promise<string>;
  /** Gets a prompt and returns how many messages it has. */
  getPrompt(name: string): Promise<number>;
  /** Values that complete an argument of a prompt. */
  complete(prompt: string, argument: string): Promise<string[]>;
  /** Calls a tool and returns the text of its first content block. */
  call(tool: string, args?: Record<string, unknown>, options?: CallOptions): Promise<string>;
  /** Least severe log messages that are wanted from now on. */
  setLogLevel(level: "debug" | "info" | "warning" | "error"): Promise<void>;
  /** Wants to hear when a resource, or the list of tools, changes. */
  watch(uri: string): Promise<void>;
  /** Ends the session as the protocol has it: with a DELETE. */
  endSession(): Promise<void>;
  close(): Promise<void>;
};

export type Heard = { readonly method: string; readonly params: Readonly<Record<string, unknown>> };

export type CallOptions = {
  readonly onProgress?: (at: number) => void;
  /** Aborting it cancels the call as the protocol has it. */
  readonly signal?: AbortSignal;
};

/** Connects with nothing but URL and key. @param options can it answer what servers ask? By default it cannot. */
export type ConnectSdk = (
  url: URL,
  key: string,
  options?: { isAskable: boolean },
) => Promise<SdkClient>;

const ME = { name: "gatewayops-test", version: "1.0.0" };
const NOT_ASKABLE = { isAskable: false };
/** What the clients can be asked, and what they answer. */
const CAPABILITIES = { elicitation: { form: {} }, sampling: {}, roots: {} };
const FORM = { action: "accept" as const, content: { name: "Ada", color: "green", ok: true } };
const SAMPLED = {
  role: "assistant" as const,
  model: "none",
  content: { type: "text" as const, text: "Paris" },
};
const ROOTS = { roots: [{ uri: "file:///work" }] };

/** Of the modern era: wishes for log messages go with each request (MCP 2026-07-28 server/utilities/logging). */
const LOG_LEVEL_META = "io.modelcontextprotocol/logLevel";

/** `@modelcontextprotocol/sdk` 1.x. */
export const connectV1: ConnectSdk = async (url, key, { isAskable } = NOT_ASKABLE) => {
  const client = new ClientV1(ME, { capabilities: isAskable ? CAPABILITIES : {} });
  if (isAskable) {
    client.setRequestHandler(ElicitRequestSchema, () => FORM);
    client.setRequestHandler(CreateMessageRequestSchema, () => SAMPLED);
    client.setRequestHandler(ListRootsRequestSchema, () => ROOTS);
  }
  const transport = new TransportV1(url, { requestInit: { headers: authorization(key) } });
  await client.connect(transport);
  return {
    ...common(client),
    version: transport.protocolVersion,
    get sessionId() {
      return transport.sessionId;
    },
    call: async (tool, args = {}, options = {}) =>
      firstText(
        await client.callTool({ name: tool, arguments: args }, undefined, requestOptions(options)),
      ),
    setLogLevel: async (level) => {
      await client.setLoggingLevel(level);
    },
    watch: async (uri) => {
      await client.subscribeResource({ uri });
    },
    endSession: () => transport.terminateSession(),
    close: () => client.close(),
  };
};

/** `@modelcontextprotocol/client` 2.x in one of its modes of finding the protocol's era. */
export function connectV2(mode?: "auto" | { pin: string }): ConnectSdk {
  return async (url, key, { isAskable } = NOT_ASKABLE) => {
    const client = new ClientV2(ME, {
      capabilities: isAskable ? CAPABILITIES : {},
      ...(mode === undefined ? {} : { versionNegotiation: { mode } }),
    });
    if (isAskable) {
      client.setRequestHandler("elicitation/create", () => FORM);
      client.setRequestHandler("sampling/createMessage", () => SAMPLED);
      client.setRequestHandler("roots/list", () => ROOTS);
    }
    const transport = new TransportV2(url, { requestInit: { headers: authorization(key) } });
    await client.connect(transport);
    const isModern = client.getNegotiatedProtocolVersion() === "2026-07-28";
    let meta: Record<string, unknown> | undefined;
    return {
      ...common(client),
      version: client.getNegotiatedProtocolVersion(),
      get sessionId() {
        return transport.sessionId;
      },
      call: async (tool, args = {}, options = {}) =>
        firstText(
          await client.callTool(
            { name: tool, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) },
            requestOptions(options),
          ),
        ),
      setLogLevel: async (level) => {
        if (isModern) meta = { [LOG_LEVEL_META]: level };
        // eslint-disable-next-line @typescript-eslint/no-deprecated -- What the legacy era has for it.
        else await client.setLoggingLevel(level);
      },
      watch: async (uri) => {
        if (isModern) await client.listen({ toolsListChanged: true, resourceSubscriptions: [uri] });
        else await client.subscribeResource({ uri });
      },
      endSession: () => transport.terminateSession(),
      close: () => client.close(),
    };
  };
}

function authorization(key: string): { authorization: string } {
  return { authorization: `Bearer ${key}` };
}

type Common = Pick<
  SdkClient,
  | "serverName"
  | "heard"
  | "listTools"
  | "listResources"
  | "listPrompts"
  | "readResource"
  | "getPrompt"
  | "complete"
>;

/** What both clients do by the same names. */
function common(client: ClientV1 | ClientV2): Common {
  const heard: Heard[] = [];
  client.fallbackNotificationHandler = ({ method, params }) => {
    heard.push({ method, params: params ?? {} });
    return Promise.resolve();
  };
  return {
    serverName: client.getServerVersion()?.name,
    heard,
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    listResources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    listPrompts: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    readResource: async (uri) => {
      const [first] = (await client.readResource({ uri })).contents;
      return first && "text" in first ? first.text : "";
    },
    getPrompt: async (name) => (await client.getPrompt({ name })).messages.length,
    complete: async (prompt, argument) => {
      const ref = { type: "ref/prompt" as const, name: prompt };
      const { completion } = await client.complete({
        ref,
        argument: { name: argument, value: "" },
      });
      return completion.values;
    },
  };
}

function requestOptions({ onProgress, signal }: CallOptions) {
  return {
    ...(onProgress && {
      onprogress: ({ progress }: { progress: number }) => {
        onProgress(progress);
      },
    }),
    ...(signal && { signal }),
  };
}

function firstText(result: unknown): string {
  const { content } = result as { content?: { text?: string }[] };
  return content?.[0]?.text ?? "";
}
