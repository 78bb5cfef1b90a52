import { exception } from "./exception.ts";
import type { ChdbSession } from "./chdb.ts";

/** Hands out engine connections, a bounded number at a time, to a bounded queue of waiters. */
export type Connections = {
  /**
   * Runs `work` with a connection that has no settings, parameters or current database of an
   * earlier query. `work` returns true when it has left some behind.
   *
   * @throws ClickHouseException 202 when the queue is full, 159 after too long a wait in it and 236
   * once `drain` was called.
   */
  use(work: (session: ChdbSession) => Promise<boolean>): Promise<void>;
  /** Refuses newcomers; resolves when no query runs or waits. */
  drain(): Promise<void>;
  close(): void;
};

export function createConnections(options: {
  readonly open: () => ChdbSession;
  /** Queries running at once. */
  readonly concurrency: number;
  /** Queries waiting at once; one more is refused. */
  readonly queueLength: number;
  /** Longest wait in the queue. */
  readonly queueTimeoutMs: number;
}): Connections {
  // The engine unloads its tables when the last connection closes: one is always kept.
  const keeper = options.open();
  const clean: ChdbSession[] = [];
  const waiting: (() => void)[] = [];
  const idleWaiters: (() => void)[] = [];
  let running = 0;
  let draining = false;

  async function enter(): Promise<void> {
    if (draining) throw exception(236, "The embedded ClickHouse is stopping");
    if (running < options.concurrency) {
      running += 1;
      return;
    }
    if (waiting.length >= options.queueLength) {
      throw exception(
        202,
        `Too many simultaneous queries: ${String(running)} run and ${String(waiting.length)} wait`,
      );
    }
    // The one who leaves hands its place over, so `running` does not change here.
    await new Promise<void>((resolve, reject) => {
      const admit = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(admit), 1);
        reject(exception(159, "Timeout exceeded: no query ended in time for this one to begin"));
      }, options.queueTimeoutMs);
      waiting.push(admit);
    });
  }

  function leave(): void {
    const next = waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    running -= 1;
    if (running === 0) for (const resolve of idleWaiters.splice(0)) resolve();
  }

  return {
    async use(work) {
      await enter();
      let session: ChdbSession | undefined;
      let dirty = true;
      try {
        session = clean.pop() ?? options.open();
        dirty = await work(session);
      } finally {
        if (session !== undefined) {
          if (dirty) session.close();
          else clean.push(session);
        }
        leave();
      }
    },
    async drain() {
      draining = true;
      if (running > 0) await new Promise<void>((resolve) => idleWaiters.push(resolve));
    },
    close() {
      for (const session of clean.splice(0)) session.close();
      keeper.close();
    },
  };
}
