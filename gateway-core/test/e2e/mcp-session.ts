import { eventDataOf } from "../sse-events.ts";
import { bearer, mcpUrl, type Stack } from "./stack.ts";

/** A session of the legacy era, message by message: for what no SDK client does. */
export type McpSession = {
  readonly id: string;
  /** Sends a message and returns the HTTP answer, unread. */
  post(message: object, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Sends a request and returns the JSON-RPC answer, be it JSON or an event. */
  request(method: string, params?: object): Promise<RpcAnswer>;
  /** Opens the server's own stream. */
  openStream(signal: AbortSignal): Promise<Response>;
  /** Ends the session. */
  end(): Promise<Response>;
};

export type RpcAnswer = {
  readonly id: unknown;
  readonly result?: Record<string, unknown>;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly reason?: string; readonly request_id?: string };
  };
};

export const LEGACY_VERSION = "2025-11-25";
const ACCEPT = { accept: "application/json, text/event-stream" };

/** Opens a session with a server behind the gateway. */
export async function openSession(stack: Stack, server: string, key: string): Promise<McpSession> {
  const url = mcpUrl(stack, server);
  let lastId = 0;
  let sessionHeaders: Record<string, string> = {};
  const session = {
    id: "",
    post: (message: object, headers: Readonly<Record<string, string>> = {}) =>
      fetch(url, {
        method: "POST",
        headers: {
          ...bearer(key),
          ...ACCEPT,
          ...sessionHeaders,
          ...headers,
          "content-type": "application/json",
        },
        body: JSON.stringify(message),
      }),
    async request(method: string, params: object = {}) {
      const answer = await session.post({ jsonrpc: "2.0", id: ++lastId, method, params });
      return readRpcAnswer(await answer.text());
    },
    openStream: (signal: AbortSignal) =>
      fetch(url, {
        headers: { ...bearer(key), ...sessionHeaders, accept: "text/event-stream" },
        signal,
      }),
    end: () => fetch(url, { method: "DELETE", headers: { ...bearer(key), ...sessionHeaders } }),
  };
  const hello = await session.post({
    jsonrpc: "2.0",
    id: ++lastId,
    method: "initialize",
    params: {
      protocolVersion: LEGACY_VERSION,
      capabilities: {},
      clientInfo: { name: "gatewayops-e2e", version: "1.0.0" },
    },
  });
  const text = await hello.text();
  const id = hello.headers.get("mcp-session-id");
  if (hello.status !== 200 || id === null)
    throw new Error(`initialize was answered with ${String(hello.status)}: ${text}`);
  sessionHeaders = { "mcp-session-id": id, "mcp-protocol-version": LEGACY_VERSION };
  session.id = id;
  await session.post({ jsonrpc: "2.0", method: "notifications/initialized" });
  return session;
}

/** The JSON-RPC answer in a JSON document, or in the last event of a stream that holds one. */
export function readRpcAnswer(text: string): RpcAnswer {
  if (text.startsWith("{")) return JSON.parse(text) as RpcAnswer;
  const answer = eventsOf(text).findLast((event) => "result" in event || "error" in event);
  if (answer === undefined) throw new Error(`There is no answer in: ${text}`);
  return answer;
}

/** The JSON messages in a stream's events. */
export function eventsOf(text: string): RpcAnswer[] {
  return eventDataOf(text).map((data) => JSON.parse(data) as RpcAnswer);
}
