import { Failure } from "@gatewayops/platform/errors";

export type HoldingsOptions = {
  /** What is held, for people: "open streams". */
  readonly noun: string;
  /** Name in the metrics; `_of_key` or `_of_worker` is added. */
  readonly bound: string;
  /** Most that one key may hold in this worker. */
  readonly perKey: number;
  /** Most that all keys together may. */
  readonly total: number;
};

/** Counts what keys hold in this worker for longer than a request: no key can take what all of them share. */
export class Holdings {
  readonly #options: HoldingsOptions;
  readonly #byKey = new Map<string, number>();
  #held = 0;

  constructor(options: HoldingsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#held;
  }

  /**
   * Notes that a key holds one more, until it gives it back.
   *
   * @throws Failure RATE_LIMITED when it holds enough, OVERLOADED when all together do
   */
  take(key: string): void {
    const { noun, bound, perKey, total } = this.#options;
    const held = this.#byKey.get(key) ?? 0;
    if (held >= perKey)
      throw new Failure("RATE_LIMITED", `The key has as many ${noun} as it may: ${perKey}.`, {
        retryAfterMs: RETRY_AFTER_MS,
        limit: `${bound}_of_key`,
      });
    if (this.#held >= total)
      throw new Failure("OVERLOADED", `There are too many ${noun}. Try again later.`, {
        retryAfterMs: RETRY_AFTER_MS,
        limit: `${bound}_of_worker`,
      });
    this.#held++;
    this.#byKey.set(key, held + 1);
  }

  give(key: string): void {
    const left = (this.#byKey.get(key) ?? 0) - 1;
    this.#held--;
    if (left > 0) this.#byKey.set(key, left);
    else this.#byKey.delete(key);
  }
}

/** What is held is held for minutes. */
const RETRY_AFTER_MS = 30_000;
