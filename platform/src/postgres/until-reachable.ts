import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../log.ts";

/** A store a process needs before it can begin. */
export type NeededStore = {
  /** Name for people, for example "PostgreSQL". */
  readonly name: string;
  /** Setting that says where it is, for example "GWO_POSTGRES_URL". */
  readonly setting: string;
  /** Rejects while the store does not answer. */
  readonly probe: () => Promise<unknown>;
};

/** How long to wait. */
export type WaitOptions = {
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Milliseconds until waiting ends in an error. Default 60 s. */
  readonly timeoutMs?: number;
};

const TIMEOUT_MS = 60_000;
const RETRY_MS = 500;

/**
 * Waits until all stores answer, since they may start at the same time as this process.
 *
 * @throws Error that names the stores that did not answer in time, and why
 */
export async function untilReachable(
  stores: readonly NeededStore[],
  options: WaitOptions,
): Promise<void> {
  const deadline = performance.now() + (options.timeoutMs ?? TIMEOUT_MS);
  await Promise.all(stores.map((store) => untilAnswers(store, deadline, options)));
}

/** The stores that do not answer, in words. */
export async function silentStores(
  stores: readonly Pick<NeededStore, "name" | "probe">[],
): Promise<string[]> {
  const answers = await Promise.allSettled(stores.map((store) => store.probe()));
  return stores
    .filter((_, index) => answers[index]?.status === "rejected")
    .map((store) => `${store.name} does not answer`);
}

async function untilAnswers(
  store: NeededStore,
  deadline: number,
  options: WaitOptions,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await store.probe();
      return;
    } catch (error) {
      options.signal.throwIfAborted();
      if (performance.now() >= deadline)
        throw new Error(
          `${store.name} does not answer: ${(error as Error).message}. Start it, or set ${store.setting} to where it is.`,
          { cause: error },
        );
      if (attempt === 1) options.log.info({ store: store.name }, "waiting for a store");
    }
    await sleep(RETRY_MS, undefined, { signal: options.signal });
  }
}
