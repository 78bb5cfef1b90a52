import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { McpExchange } from "./mcp-exchange.ts";
import { eventStreamHeaders, messageEvent } from "./sse-event.ts";

/** Milliseconds of silence after which a comment shows that the stream is alive: what stands between cuts idle ones. */
const ALIVE_MS = 25_000;
const COMMENT = ":\n\n";

/** A stream of messages to an agent that lasts until one of both ends it. */
export class EventStream {
  readonly #exchange: McpExchange;
  readonly #timer: NodeJS.Timeout;

  constructor(exchange: McpExchange) {
    this.#exchange = exchange;
    exchange.sendHead(200, eventStreamHeaders());
    exchange.response.flushHeaders();
    this.#timer = setInterval(() => {
      if (!exchange.isClientGone) exchange.response.write(COMMENT);
    }, ALIVE_MS);
    this.#timer.unref();
  }

  /** Sends a message. Pending while the agent reads slowly. */
  send(message: Buffer): void | Promise<void> {
    this.#timer.refresh();
    if (this.#exchange.isClientGone || this.#exchange.response.write(messageEvent(message))) return;
    return this.#exchange.drained();
  }

  /** Ends the stream. */
  end(): void {
    this.#exchange.finish();
    this.stop();
  }

  /** The agent has ended it. */
  stop(): void {
    clearInterval(this.#timer);
    this.#exchange.end(ENDED);
  }
}

const ENDED = { outcome: Outcome.OK, httpStatus: 200, rpcCode: 0, failure: undefined } as const;
