import type { Redis } from "ioredis";
import type { Logger } from "@gatewayops/platform/log";

/** What workers tell each other. Lost messages cost freshness only: what must not be lost is in a store. */
export type BusMessage =
  /** A session was changed or ended. */
  | { readonly kind: "session"; readonly id: string }
  /** An agent cancelled a request of its session; the worker that runs it stops it. */
  | {
      readonly kind: "cancel";
      readonly session: string;
      /** JSON of the request's id. */
      readonly request: string;
    };

const CHANNEL = "gwo:{mcp}:bus";

/** Tells all workers of all replicas something, over Redis pub/sub. */
export class WorkerBus {
  readonly #redis: Redis;
  readonly #from: string;
  readonly #log: Logger;

  /** @param from name of this worker: it does not hear itself */
  constructor(options: { redis: Redis; subscriber: Redis; from: string; log: Logger }) {
    this.#redis = options.redis;
    this.#from = options.from;
    this.#log = options.log;
    this.#subscribe(options.subscriber);
  }

  /** Called with what others say. */
  onMessage: (message: BusMessage) => void = () => undefined;
  /** Called when messages may have been missed. */
  onGap: () => void = () => undefined;

  /** Resolves when Redis has passed it on to all workers it reaches, or could not. Never rejects. */
  async tell(message: BusMessage): Promise<void> {
    try {
      await this.#redis.publish(CHANNEL, JSON.stringify({ from: this.#from, message }));
    } catch (error) {
      this.#log.debug({ err: error }, "other workers could not be told");
    }
  }

  #subscribe(subscriber: Redis): void {
    subscriber.on("message", (channel: string, text: string) => {
      if (channel !== CHANNEL) return;
      const { from, message } = JSON.parse(text) as { from: string; message: BusMessage };
      if (from !== this.#from) this.onMessage(message);
    });
    // After a reconnect ioredis subscribes again; what was said in between is lost.
    subscriber.on("ready", () => {
      subscriber.subscribe(CHANNEL).then(
        () => {
          this.onGap();
        },
        () => undefined, // a lost connection: "ready" comes again
      );
    });
  }
}
