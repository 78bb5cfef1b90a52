import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { bearer } from "./stack.ts";

/** What a test does with an official client, whichever it is. */
export type SdkClient = {
  /** Protocol version the client and the server agreed on. */
  readonly version: string | undefined;
  readonly sessionId: string | undefined;
  listTools(): Promise<string[]>;
  /** Calls a tool and returns the text of its first content block. */
  call(
    tool: string,
    args: Record<string, unknown>,
    onProgress?: (at: number) => void,
  ): Promise<string>;
  /** Ends the session as the protocol has it: with a DELETE. */
  endSession(): Promise<void>;
  close(): Promise<void>;
};

/** Connects with nothing but URL and key. */
export type ConnectSdk = (url: URL, key: string) => Promise<SdkClient>;

const ME = { name: "gatewayops-e2e", version: "1.0.0" };

/** `@modelcontextprotocol/sdk` 1.x. */
export const connectV1: ConnectSdk = async (url, key) => {
  const client = new ClientV1(ME);
  const transport = new TransportV1(url, { requestInit: { headers: bearer(key) } });
  await client.connect(transport);
  return {
    version: transport.protocolVersion,
    get sessionId() {
      return transport.sessionId;
    },
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (tool, args, onProgress) =>
      firstText(
        await client.callTool({ name: tool, arguments: args }, undefined, {
          ...(onProgress && {
            onprogress: ({ progress }) => {
              onProgress(progress);
            },
          }),
        }),
      ),
    endSession: () => transport.terminateSession(),
    close: () => client.close(),
  };
};

/** `@modelcontextprotocol/client` 2.x in one of its modes of finding the protocol's era. */
export function connectV2(mode?: "auto" | { pin: string }): ConnectSdk {
  return async (url, key) => {
    const client = new ClientV2(ME, mode === undefined ? {} : { versionNegotiation: { mode } });
    const transport = new TransportV2(url, { requestInit: { headers: bearer(key) } });
    await client.connect(transport);
    return {
      version: client.getNegotiatedProtocolVersion(),
      get sessionId() {
        return transport.sessionId;
      },
      listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
      call: async (tool, args, onProgress) =>
        firstText(
          await client.callTool(
            { name: tool, arguments: args },
            {
              ...(onProgress && {
                onprogress: ({ progress }) => {
                  onProgress(progress);
                },
              }),
            },
          ),
        ),
      endSession: () => transport.terminateSession(),
      close: () => client.close(),
    };
  };
}

function firstText(result: unknown): string {
  const { content } = result as { content?: { text?: string }[] };
  return content?.[0]?.text ?? "";
}
