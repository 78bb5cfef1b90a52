import { PassThrough } from "node:stream";

/** Stands for the response of an exchange whose answer is read as messages: each write is one. */
export class AnswerMessages extends PassThrough {
  /** What the answer says beside its messages: request id, trace id, rate limit. */
  readonly headers = new Headers();

  /** @param signal ends the stream: the caller has gone, or its deadline is over */
  constructor(signal: AbortSignal) {
    super({ readableObjectMode: true });
    // Whoever reads the messages gets the error too.
    this.on("error", () => undefined);
    const end = (): void => {
      this.destroy(signal.reason as Error);
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  }

  writeHead(_status: number, headers: readonly string[]): void {
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const [name = "", value = ""] = headers.slice(at, at + 2);
      // The rest says how HTTP carries the answer.
      if (/^x-(request-id|trace-id|ratelimit-)/.test(name)) this.headers.set(name, value);
    }
  }
}
