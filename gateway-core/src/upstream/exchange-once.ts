import { memberText } from "../mcp/json-members.ts";
import { exchangeMessages, type ExchangeHead } from "./message-stream.ts";
import { isAnswerTo, readServerMessage, type ServerMessage } from "./server-message.ts";
import type { Upstream } from "./upstream.ts";

/** What came of a message that was sent for its answer alone. */
export type OneAnswer = ExchangeHead & {
  /** Undefined: there was none, as for a notification. */
  readonly answer: ServerMessage | undefined;
};

/** Milliseconds a server has to end a stream on which it has answered. */
export const CLOSE_MS = 1_000;

/**
 * Sends a message and waits for its answer; everything else that comes is nobody's.
 *
 * @throws Failure as `exchangeMessages` does
 */
export function exchangeOnce(
  upstream: Upstream,
  sent: {
    readonly body: Buffer | string;
    readonly headers: readonly string[];
    readonly signal: AbortSignal;
    /** Milliseconds for all of it: a server that keeps the connection busy is no quicker than a silent one. */
    readonly timeoutMs: number;
    /** As of `MessageExchange`. */
    readonly endpoint?: string;
  },
): Promise<OneAnswer> {
  const over = new AbortController();
  const idText = memberText(Buffer.from(sent.body), "id");
  return new Promise((resolve, reject) => {
    let head: ExchangeHead | undefined;
    let answer: ServerMessage | undefined;
    exchangeMessages(upstream, {
      method: "POST",
      headers: sent.headers,
      body: sent.body,
      ...(sent.endpoint === undefined ? {} : { endpoint: sent.endpoint }),
      signal: AbortSignal.any([sent.signal, over.signal, AbortSignal.timeout(sent.timeoutMs)]),
      headTimeoutMs: sent.timeoutMs,
      silenceMs: sent.timeoutMs,
      onHead: (given) => {
        head = given;
      },
      onMessage: (bytes) => {
        const message = readServerMessage(bytes);
        if (answer || message?.kind !== "answer" || !isAnswerTo(message, idText)) return;
        answer = message;
        if (head?.isStream !== true) return;
        resolve({ ...head, answer });
        // A connection whose answer is read to its end is used again.
        setTimeout(() => {
          over.abort();
        }, CLOSE_MS).unref();
      },
    }).then((ended) => {
      resolve({ ...ended, answer });
    }, reject);
  });
}
