import { waitFor } from "../stack.ts";
import { WAITING_TOOL, type WaitingTool } from "../../waiting-tool.ts";
import type { Balancer } from "./balancer.ts";
import { ASKING_TOOL, PLAIN_TOOL } from "./counting-tools.ts";
import { send, type Received, type RpcMessage } from "./http.ts";
import type { Journal } from "./journal.ts";

export type AgentOptions = {
  readonly balancer: Balancer;
  /** Path of the server behind the gateways. */
  readonly path: string;
  readonly key: string;
  readonly journal: Journal;
  readonly waiting: WaitingTool;
  /** Number of this agent: which gateway it prefers where it matters follows from it. */
  readonly number: number;
};

export type Agent = {
  begin(): Promise<void>;
  /** Makes its n-th call. What becomes of it goes to the journal. */
  call(n: number): Promise<void>;
};

const VERSION = "2025-11-25";
const BEGIN_MS = 20_000;

/** An agent of the legacy era: answers and cancellations go to the other gateway than the call did. */
export function createLegacyAgent(options: AgentOptions): Agent {
  const { balancer, path, journal, waiting } = options;
  const authorization = `Bearer ${options.key}`;
  let session: Record<string, string> = {};
  let lastId = 0;

  const post = (url: string, body: object, more: Partial<Parameters<typeof send>[1]> = {}) =>
    send(url + path, { ...more, body, headers: { authorization, ...session, ...more.headers } });
  const message = (id: unknown, name: string, args: object) => ({
    ...{ jsonrpc: "2.0", id, method: "tools/call" },
    params: { name, arguments: args },
  });
  const preferring = (n: number): string =>
    balancer.preferring[(options.number + n) % balancer.preferring.length] ?? "";

  async function plain(): Promise<void> {
    await journal.call("plain", async (id) => {
      const { headers, answered } = journal.request();
      const received = await post(balancer.url, message(++lastId, PLAIN_TOOL, { id }), { headers });
      expectText(received, id);
      answered();
    });
  }

  async function asking(n: number): Promise<void> {
    await journal.call("asking", async (id) => {
      const { headers, answered } = journal.request();
      let answering: Promise<void> | undefined;
      const received = await post(preferring(n), message(++lastId, ASKING_TOOL, { id }), {
        headers,
        onMessage: (asked) => {
          if (asked.method !== "elicitation/create") return;
          const result = { action: "accept", content: { name: "Ada" } };
          answering = post(preferring(n + 1), { jsonrpc: "2.0", id: asked.id, result }).then(
            accept,
          );
          // Looked at below, when the call has ended.
          answering.catch(() => undefined);
        },
      });
      await answering;
      expectText(received, `${id} by Ada`);
      answered();
    });
  }

  async function cancelled(n: number): Promise<void> {
    await journal.call("cancelled", async (id) => {
      const { headers } = journal.request();
      const requestId = ++lastId;
      const stop = new AbortController();
      const call = post(preferring(n), message(requestId, WAITING_TOOL, { id }), {
        headers,
        signal: stop.signal,
      });
      let failure: unknown;
      call.catch((error: unknown) => (failure = error));
      await waitFor("the call has begun", BEGIN_MS, () =>
        failure !== undefined || waiting.begun.has(id) ? true : undefined,
      );
      if (failure !== undefined) throw failure as Error;
      const method = "notifications/cancelled";
      accept(await post(preferring(n + 1), { jsonrpc: "2.0", method, params: { requestId } }));
      await waitFor("the server has heard of it", BEGIN_MS, () =>
        waiting.cancelled.has(id) ? true : undefined,
      );
      stop.abort();
    });
  }

  return {
    async begin() {
      const clientInfo = { name: "replicas", version: "1" };
      const params = { protocolVersion: VERSION, capabilities: { elicitation: {} }, clientInfo };
      const hello = await post(balancer.url, {
        jsonrpc: "2.0",
        id: 0,
        method: "initialize",
        params,
      });
      if (hello.sessionId === "") throw new Error(`initialize: ${JSON.stringify(hello)}`);
      session = { "mcp-session-id": hello.sessionId, "mcp-protocol-version": VERSION };
      accept(await post(balancer.url, { jsonrpc: "2.0", method: "notifications/initialized" }));
    },
    call: (n) => (n % 10 === 3 ? cancelled(n) : n % 5 === 1 ? asking(n) : plain()),
  };
}

/** An agent of the modern era: each round goes to the other gateway than the one before. */
export function createModernAgent(options: AgentOptions): Agent {
  const { balancer, path, journal } = options;
  let lastId = 0;

  async function round(url: string, params: object): Promise<Received> {
    const { headers, answered } = journal.request();
    const received = await send(url + path, {
      headers: {
        ...headers,
        authorization: `Bearer ${options.key}`,
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": ASKING_TOOL,
      },
      body: {
        ...{ jsonrpc: "2.0", id: ++lastId, method: "tools/call" },
        params: {
          name: ASKING_TOOL,
          ...params,
          _meta: {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { name: "replicas", version: "1" },
            "io.modelcontextprotocol/clientCapabilities": { elicitation: {} },
          },
        },
      },
    });
    if (resultOf(received)) answered();
    return received;
  }

  return {
    begin: () => Promise.resolve(),
    call: (n) =>
      journal.call("asking", async (id) => {
        const url = (at: number) =>
          balancer.preferring[(options.number + at) % balancer.preferring.length] ?? "";
        const asked = await round(url(n), { arguments: { id } });
        const { inputRequests, requestState } = resultOf(asked) ?? {};
        const key = Object.keys(inputRequests ?? {})[0];
        if (key === undefined) throw new Error(`no question: ${problemOf(asked)}`);
        const inputResponses = { [key]: { action: "accept", content: { name: "Ada" } } };
        const answered = await round(url(n + 1), {
          arguments: { id },
          requestState,
          inputResponses,
        });
        expectText(answered, `${id} by Ada`);
      }),
  };
}

function accept(received: Received): void {
  if (received.status >= 300) throw new Error(problemOf(received));
}

function resultOf({ messages }: Received): Record<string, unknown> | undefined {
  return messages.findLast((message) => message.result !== undefined)?.result;
}

function expectText(received: Received, text: string): void {
  const content = resultOf(received)?.["content"] as { text?: string }[] | undefined;
  if (content?.[0]?.text !== text) throw new Error(problemOf(received));
}

/** The reason of a failure, as the gateway names it. */
function problemOf({ status, messages }: Received): string {
  const error = messages.findLast((message: RpcMessage) => message.error !== undefined)?.error;
  return error?.data?.reason ?? `${String(status)} ${JSON.stringify(messages.at(-1) ?? "nothing")}`;
}
