import type { Redis } from "ioredis";
import {
  INVALIDATION_CHANNEL,
  INVALIDATION_COUNTER,
  parseInvalidation,
  type Invalidation,
} from "@gatewayops/platform/invalidation";
import type { Logger } from "@gatewayops/platform/log";

export type ChangesOptions = {
  /** Connection for the subscription alone. */
  readonly subscriber: Redis;
  /** Connection for commands. */
  readonly redis: Redis;
  readonly log: Logger;
  readonly apply: (change: Invalidation) => void;
  /** Called when changes may have been missed. */
  readonly clear: () => void;
};

/** Milliseconds between looks at the counter: half of the second within which a change must count. */
const HEARTBEAT_MS = 400;

/**
 * Follows the changes that services publish. The counter beside the channel is looked at regularly: when it has moved
 * past what was received, messages were missed, and everything cached is dropped. While Redis is away caches are
 * believed until their own time is up; when it is back everything is dropped, since nobody knows what was missed.
 */
export class ChangeListener {
  readonly #options: ChangesOptions;
  #received: number | undefined;
  #behindSince: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #connected = false;

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  start(): void {
    const { subscriber } = this.#options;
    subscriber.on("message", (channel: string, message: string) => {
      if (channel === INVALIDATION_CHANNEL) this.#onMessage(message);
    });
    // ioredis subscribes again by itself after a reconnect; what was published in between is lost.
    subscriber.on("ready", () => {
      this.#connected = true;
      this.#received = undefined;
      this.#options.clear();
      subscriber.subscribe(INVALIDATION_CHANNEL).then(
        // What was published before the subscription stood is lost.
        () => {
          this.#options.clear();
        },
        () => undefined, // a lost connection: "ready" comes again
      );
    });
    subscriber.on("close", () => {
      this.#connected = false;
    });
    this.#timer = setInterval(() => void this.#look(), HEARTBEAT_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #onMessage(message: string): void {
    const parsed = parseInvalidation(message);
    if (!parsed) return;
    if (this.#received !== undefined && parsed.sequence > this.#received + 1)
      this.#missed("a gap in the sequence");
    this.#received = parsed.sequence;
    this.#options.apply(parsed.change);
  }

  /** Compares the counter with what was received; one that stays ahead for two looks means a lost message. */
  async #look(): Promise<void> {
    if (!this.#connected) return;
    try {
      const newest = Number((await this.#options.redis.get(INVALIDATION_COUNTER)) ?? 0);
      if (this.#received === undefined) this.#received = newest;
      if (newest === this.#received) {
        this.#behindSince = undefined;
      } else if (newest < this.#received) {
        this.#received = newest;
        this.#missed("the counter went back");
      } else if (this.#behindSince === undefined || this.#received >= this.#behindSince) {
        this.#behindSince = newest;
      } else {
        this.#behindSince = undefined;
        this.#received = newest;
        this.#missed("a message did not arrive");
      }
    } catch {
      // Redis is away: the subscription's own "ready" clears the caches when it is back.
    }
  }

  #missed(why: string): void {
    this.#options.log.warn({ why }, "changes may have been missed; caches dropped");
    this.#options.clear();
  }
}
