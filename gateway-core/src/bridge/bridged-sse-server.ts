import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import { MessageError } from "../mcp/message.ts";
import { SseConnection, speaksSse } from "./sse-connection.ts";
import { ChannelSession, type Session, type SessionStart } from "./session.ts";
import { CHANNELS_MAX, type BridgedServer } from "./bridged-server.ts";

/** Milliseconds a server has to name its endpoint. */
const OPEN_TIMEOUT_MS = 10_000;
const PROBE_TIMEOUT_MS = 2_000;

/** A server over HTTP+SSE: one connection for each session. */
export class BridgedSseServer implements BridgedServer {
  readonly key: string;
  readonly sessionsMax = CHANNELS_MAX;
  readonly #url: URL;
  readonly #dispatcher: Dispatcher;

  constructor(url: URL, dispatcher: Dispatcher) {
    this.key = url.href;
    this.#url = url;
    this.#dispatcher = dispatcher;
  }

  openSession(start: SessionStart, _org: string, headers: IncomingHttpHeaders): Session {
    return new ChannelSession(
      start,
      (events) =>
        new SseConnection(
          {
            url: this.#url,
            headers,
            dispatcher: this.#dispatcher,
            openTimeoutMs: OPEN_TIMEOUT_MS,
          },
          events,
        ),
    );
  }

  answerModern(): Promise<void> {
    return Promise.reject(
      new MessageError(-32600, "Servers over HTTP+SSE speak MCP with sessions. Send `initialize`."),
    );
  }

  async answerProbe(headers: IncomingHttpHeaders, response: ServerResponse): Promise<void> {
    const speaks = await speaksSse({
      url: this.#url,
      headers,
      dispatcher: this.#dispatcher,
      openTimeoutMs: PROBE_TIMEOUT_MS,
    });
    if (speaks) response.writeHead(204).end();
    else response.writeHead(404, { "content-length": "0" }).end();
  }
}
