import { Failure } from "@gatewayops/platform/errors";

/** Work that is expensive enough to need a queue: so much at once, so much waiting, and no more. */
export type BoundedQueue = {
  /** Runs the work when its turn comes. Fails with AUTH_UNAVAILABLE at once when the queue is full. */
  run<T>(work: () => Promise<T>): Promise<T>;
  readonly waiting: number;
};

export type BoundedQueueOptions = {
  /** Pieces of work at once. */
  readonly concurrency: number;
  /** Pieces of work that may wait. */
  readonly waitingMax: number;
  /** Milliseconds one takes, about: what a refused caller is told to wait is computed from it. */
  readonly typicalMs: number;
};

export function createBoundedQueue(options: BoundedQueueOptions): BoundedQueue {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    async run(work) {
      if (running < options.concurrency) running += 1;
      else await turn();
      try {
        return await work();
      } finally {
        // The slot is handed on, not freed, so that nobody overtakes.
        const next = waiting.shift();
        if (next) next();
        else running -= 1;
      }
    },
    get waiting() {
      return waiting.length;
    },
  };

  function turn(): Promise<void> {
    if (waiting.length >= options.waitingMax)
      throw new Failure("AUTH_UNAVAILABLE", "Too many keys are being checked. Try again shortly.", {
        retryAfterMs: Math.ceil((options.waitingMax * options.typicalMs) / options.concurrency),
      });
    return new Promise((resolve) => {
      waiting.push(resolve);
    });
  }
}
