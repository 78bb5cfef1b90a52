import type { IncomingHttpHeaders } from "node:http";
import { request, type Dispatcher } from "undici";
import { Failure } from "@gatewayops/platform/errors";
import { SseParser, type SseEvent } from "../mcp/sse-parser.ts";
import { MESSAGE_MAX_BYTES, type ChannelEvents, type MessageChannel } from "./channel.ts";
import { forwardedHeaders } from "./forwarded-headers.ts";

export type SseConnectionOptions = {
  readonly url: URL;
  /** Of the request that opens the connection. */
  readonly headers: IncomingHttpHeaders;
  readonly dispatcher: Dispatcher;
  /** Milliseconds until the server must have named its endpoint. */
  readonly openTimeoutMs: number;
};

/** Milliseconds a POST may take: the server takes the message, and answers on the stream. */
const POST_TIMEOUT_MS = 30_000;

/** A connection to a server of MCP's first revision over HTTP (MCP 2024-11-05 transports §HTTP with SSE). */
export class SseConnection implements MessageChannel {
  readonly #options: SseConnectionOptions;
  readonly #events: ChannelEvents;
  readonly #abort = new AbortController();
  readonly #parser = new SseParser(MESSAGE_MAX_BYTES);
  /** Where messages are posted to; rejects with the Failure that ended the connection before it was open. */
  readonly opened: Promise<URL>;
  #onEndpoint!: (endpoint: URL) => void;
  #onNeverOpened!: (failure: Failure) => void;

  constructor(options: SseConnectionOptions, events: ChannelEvents) {
    this.#options = options;
    this.#events = events;
    this.opened = new Promise((resolve, reject) => {
      this.#onEndpoint = resolve;
      this.#onNeverOpened = reject;
    });
    // Whoever sends hears of it; so does whoever listens to the channel.
    this.opened.catch(() => undefined);
    void this.#run();
  }

  async send(message: Buffer, headers: IncomingHttpHeaders): Promise<void> {
    const endpoint = await this.opened;
    let status: number;
    try {
      const response = await request(endpoint, {
        method: "POST",
        headers: { ...forwardedHeaders(headers), "content-type": "application/json" },
        body: message,
        dispatcher: this.#options.dispatcher,
        signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(POST_TIMEOUT_MS)]),
      });
      status = response.statusCode;
      await response.body.dump();
    } catch (error) {
      throw this.#failureOf(error);
    }
    if (status >= 300)
      throw new Failure(
        "UPSTREAM_HTTP_ERROR",
        `The MCP server answered the message with HTTP status ${status}.`,
      );
  }

  close(): void {
    this.#abort.abort(new Failure("UPSTREAM_CLOSED", "The connection was closed."));
  }

  async #run(): Promise<void> {
    const { openTimeoutMs } = this.#options;
    const timer = setTimeout(() => {
      this.#abort.abort(
        new Failure(
          "UPSTREAM_NOT_MCP",
          `The MCP server named no endpoint within ${openTimeoutMs} ms of the GET: it does not speak HTTP+SSE.`,
        ),
      );
    }, openTimeoutMs);
    void this.opened.then(
      () => {
        clearTimeout(timer);
      },
      () => {
        clearTimeout(timer);
      },
    );
    let failure: Failure;
    try {
      await this.#listen();
      failure = new Failure("UPSTREAM_CLOSED", "The MCP server closed the event stream.");
    } catch (error) {
      failure = this.#failureOf(error);
    }
    this.#onNeverOpened(failure);
    this.#abort.abort(failure);
    this.#events.onClosed(failure);
  }

  /** Reads the stream to its end. */
  async #listen(): Promise<void> {
    const { url, headers, dispatcher } = this.#options;
    const {
      statusCode,
      headers: given,
      body,
    } = await request(url, {
      headers: { ...forwardedHeaders(headers), accept: "text/event-stream" },
      dispatcher,
      signal: this.#abort.signal,
      bodyTimeout: 0,
    });
    if (statusCode !== 200 || !String(given["content-type"]).startsWith("text/event-stream")) {
      body.destroy();
      throw new Failure(
        statusCode === 200 ? "UPSTREAM_NOT_MCP" : "UPSTREAM_HTTP_ERROR",
        `The MCP server answered the GET with HTTP status ${statusCode} and no event stream: it does not speak HTTP+SSE.`,
      );
    }
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const events = this.#parser.feed(chunk);
      if (!events)
        throw new Failure(
          "UPSTREAM_TOO_LARGE",
          `The MCP server sent a message above ${MESSAGE_MAX_BYTES} bytes.`,
        );
      for (const event of events) this.#onEvent(event);
    }
  }

  #onEvent({ event, data }: SseEvent): void {
    if (event === "message") this.#events.onMessage(data);
    else if (event === "endpoint") this.#onEndpoint(endpointFrom(data, this.#options.url));
  }

  #failureOf(error: unknown): Failure {
    if (error instanceof Failure) return error;
    const { reason } = this.#abort.signal as { reason: unknown };
    if (reason instanceof Failure) return reason;
    const isTimeout = error instanceof Error && error.name === "TimeoutError";
    return isTimeout
      ? new Failure("UPSTREAM_TIMEOUT", "The MCP server did not take the message in time.")
      : new Failure("UPSTREAM_UNREACHABLE", "The connection to the MCP server failed.", {
          cause: error,
        });
  }
}

/** Messages and credentials go to the server that was registered, and nowhere else. */
function endpointFrom(data: Buffer, url: URL): URL {
  const endpoint = URL.parse(data.toString("utf8"), url.href);
  if (endpoint?.origin !== url.origin)
    throw new Failure(
      "UPSTREAM_NOT_MCP",
      "The MCP server named an endpoint of another origin than its own URL, which is refused.",
    );
  return endpoint;
}

/** True when the URL speaks HTTP+SSE: it answers a GET with an event stream that names an endpoint. */
export async function speaksSse(options: SseConnectionOptions): Promise<boolean> {
  const connection = new SseConnection(options, {
    onMessage: () => undefined,
    onClosed: () => undefined,
  });
  try {
    await connection.opened;
    return true;
  } catch {
    return false; // a Failure that says why not
  } finally {
    connection.close();
  }
}
