import type { IncomingHttpHeaders } from "node:http";
import { Failure } from "@gatewayops/platform/errors";
import { answerModeOf, mediaTypeOf } from "../mcp/answer-mode.ts";
import { SseParser } from "../mcp/sse-parser.ts";
import { transformedHeaders } from "../mcp/transformed-call.ts";
import { failureOfDispatch } from "./dispatch-errors.ts";
import { endpointOf } from "./link.ts";
import type { Upstream } from "./upstream.ts";

/** One HTTP exchange with an MCP server, read message by message. */
export type MessageExchange = {
  readonly method: "POST" | "GET";
  /** Beside those every request to the server has, before the server's settings change them. */
  readonly headers: readonly string[];
  readonly body: Buffer | string | null;
  /** The tool that is called; not said: none. */
  readonly tool?: string | undefined;
  /** Name of the endpoint that has the session; empty or not said: any. */
  readonly endpoint?: string;
  readonly signal: AbortSignal;
  /** Milliseconds until the answer's head. */
  readonly headTimeoutMs: number;
  /** Milliseconds an answer may be silent. 0: for ever, its caller watches it. */
  readonly silenceMs: number;
  /** Takes one JSON-RPC message. While its promise is pending no more is read. */
  readonly onMessage: (message: Buffer) => void | Promise<void>;
  /** Told of the answer's head before the first message. */
  readonly onHead?: (head: ExchangeHead) => void;
};

export type ExchangeHead = {
  readonly status: number;
  /** Session id that came with it; empty for none. */
  readonly sessionId: string;
  readonly isStream: boolean;
  /** Name of the endpoint that answered. */
  readonly endpoint: string;
};

/** How an exchange ended: all its messages were handed over. */
export type EndedExchange = ExchangeHead & {
  /** Id of the last event that had one, to resume after it; empty for none. */
  readonly lastEventId: string;
  /** What the server wants to be waited before that. */
  readonly retryMs: number | undefined;
};

const BOTH = "application/json, text/event-stream";

/**
 * Sends a message, or opens a server's stream, and reads what comes back to its end.
 *
 * @throws Failure when the server cannot be reached, breaks off, is too slow, or answers with what is not MCP
 */
export async function exchangeMessages(
  upstream: Upstream,
  exchange: MessageExchange,
): Promise<EndedExchange> {
  const { link } = upstream;
  try {
    const endpoint = await endpointOf(link, exchange.endpoint ?? "");
    const response = await endpoint.pool.request({
      method: exchange.method,
      path: link.path,
      headers: headersOf(upstream, exchange),
      body: exchange.body,
      signal: exchange.signal,
      headersTimeout: exchange.headTimeoutMs,
      bodyTimeout: exchange.silenceMs,
    });
    const head = headOf(response.statusCode, response.headers, endpoint.name);
    exchange.onHead?.(head);
    const body = response.body as AsyncIterable<Buffer>;
    if (head.isStream) return { ...head, ...(await readStream(body, exchange, upstream)) };
    const document = await collect(body, upstream);
    const isMcp = isAnswer(head.status, response.headers) && document.length > 0;
    if (isMcp) await exchange.onMessage(document);
    return { ...head, lastEventId: "", retryMs: undefined };
  } catch (error) {
    throw error instanceof Failure ? error : failureOfDispatch(error as Error, upstream);
  }
}

function headersOf(
  upstream: Upstream,
  { body, headers, tool }: Pick<MessageExchange, "body" | "headers" | "tool">,
): string[] {
  const all = [
    ...upstream.link.headers,
    ...(body === null ? [] : ["content-type", "application/json"]),
    ...["accept", body === null ? "text/event-stream" : BOTH],
    ...headers,
  ];
  return transformedHeaders(upstream, all, tool);
}

function headOf(status: number, headers: IncomingHttpHeaders, endpoint: string): ExchangeHead {
  const session = headers["mcp-session-id"];
  return {
    status,
    endpoint,
    sessionId: typeof session === "string" ? session : "",
    isStream: status < 300 && mediaTypeOf(headers["content-type"]) === "text/event-stream",
  };
}

/** 401, 403 and redirects are trouble of ours with the server, whatever they say. */
function isAnswer(status: number, headers: IncomingHttpHeaders): boolean {
  return answerModeOf(status, headers["content-type"], undefined) === "json";
}

async function readStream(
  body: AsyncIterable<Buffer>,
  exchange: MessageExchange,
  upstream: Upstream,
): Promise<Pick<EndedExchange, "lastEventId" | "retryMs">> {
  const parser = new SseParser(upstream.messageMaxBytes);
  for await (const chunk of body) {
    const events = parser.feed(chunk);
    if (!events) throw tooLarge(upstream);
    for (const event of events) {
      // An event without data primes a client with its id (MCP 2025-11-25 transports §Resumability).
      if (event.data.length === 0 || event.event !== "message") continue;
      await exchange.onMessage(event.data);
    }
  }
  return { lastEventId: parser.lastEventId, retryMs: parser.retryMs };
}

async function collect(body: AsyncIterable<Buffer>, upstream: Upstream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    // Leaving the loop destroys the body.
    if (size > upstream.messageMaxBytes) throw tooLarge(upstream);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The failure of a server that sends a message, or an event of a stream, that is larger than it may be. */
export function tooLarge({ name, messageMaxBytes }: Upstream): Failure {
  return new Failure(
    "UPSTREAM_TOO_LARGE",
    `The MCP server ${name} sent a message of more than ${messageMaxBytes} bytes.`,
    { limit: "answer_size" },
  );
}
