import { setTimeout as sleep } from "node:timers/promises";
import type { Lifecycle } from "./lifecycle.ts";
import type { Logger } from "./log.ts";

export type RepeatOptions = {
  /** Name of the work in logs. */
  readonly name: string;
  /** Milliseconds between the end of one run and the beginning of the next. */
  readonly everyMs: number;
  readonly work: () => Promise<unknown>;
  readonly lifecycle: Lifecycle;
  readonly log: Logger;
};

/** Runs work at once, and again and again until the process closes. A run that fails is logged, and the next one tries again. */
export function repeat(options: RepeatOptions): void {
  const { name, lifecycle, log } = options;
  const running = loop();
  lifecycle.onClose(name, () => running);

  async function loop(): Promise<void> {
    while (!lifecycle.signal.aborted) {
      try {
        await options.work();
      } catch (error) {
        log.warn({ err: error, work: name }, "background work failed; it will be tried again");
      }
      // Aborted: the process closes.
      await sleep(options.everyMs, undefined, { signal: lifecycle.signal }).catch(() => undefined);
    }
  }
}
