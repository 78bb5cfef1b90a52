import { request } from "node:http";
import { createEventReader } from "../../sse-events.ts";

export type Sent = {
  readonly method?: "POST" | "DELETE";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Takes the JSON-RPC messages of the answer as they come, be it a stream or one document. */
  readonly onMessage?: (message: RpcMessage) => void;
  readonly signal?: AbortSignal;
};

export type RpcMessage = {
  readonly id?: unknown;
  readonly method?: string;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string; readonly data?: { readonly reason?: string } };
};

export type Received = {
  readonly status: number;
  readonly sessionId: string;
  readonly messages: readonly RpcMessage[];
};

/** Milliseconds after which a request has failed: longer than anything here takes. */
const TIMEOUT_MS = 60_000;

/** Sends a request on a connection of its own, so that a balancer decides anew about each. Fails when it breaks off. */
export function send(
  url: string,
  { method, headers, body, onMessage, signal }: Sent,
): Promise<Received> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      agent: false,
      method: method ?? "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...headers,
      },
      timeout: TIMEOUT_MS,
      ...(signal && { signal }),
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("timed out")));
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const isStream = response.headers["content-type"] === "text/event-stream";
      const messages: RpcMessage[] = [];
      let text = "";
      const take = (json: string): void => {
        const message = JSON.parse(json) as RpcMessage;
        messages.push(message);
        onMessage?.(message);
      };
      response.setEncoding("utf8");
      const readEvents = createEventReader(take);
      response.on("data", (chunk: string) => {
        if (isStream) readEvents(chunk);
        else text += chunk;
      });
      response.on("error", reject);
      response.on("aborted", () => {
        reject(new Error("broken off"));
      });
      response.on("end", () => {
        if (!isStream && text.startsWith("{")) take(text);
        resolve({
          status: response.statusCode ?? 0,
          sessionId: String(response.headers["mcp-session-id"] ?? ""),
          messages,
        });
      });
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
