import type { CallRecord } from "../traces/trace-store.ts";

/** Calls that were stored since the last time. Without calls it is a sign of life. */
export type NewCalls = {
  /** In the order in which they were stored. */
  readonly calls: readonly CallRecord[];
  /** When the newest that is known was stored, in milliseconds of the store's clock. 0: none is known yet. */
  readonly storedMs: number;
  /** Calls that were left out since the last time. */
  readonly skipped: number;
};

/** One who follows new calls. */
export type Listener = {
  /** Aborted when it hears no more. */
  readonly signal: AbortSignal;
  readonly calls: AsyncIterable<NewCalls>;
  /** Keeps calls until they are read, or tells that it has begun; the oldest are left out when they are too many. */
  push(news: NewCalls): void;
  /** Ends the stream with an error. */
  fail(error: unknown): void;
};

/** Milliseconds without calls after which a sign of life is yielded. */
export const HEARTBEAT_MS = 5_000;
/** Calls that wait for a slow reader. */
const WAITING_MAX = 2_000;

/** @param onSkipped hears how many calls were left out because of a slow reader */
export function createListener(outer: AbortSignal, onSkipped: (skipped: number) => void): Listener {
  const ended = new AbortController();
  const signal = AbortSignal.any([outer, ended.signal]);
  let waiting: CallRecord[] = [];
  let hasNews = false;
  let skipped = 0;
  let storedMs = 0;
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  signal.addEventListener("abort", () => wake?.());

  return {
    signal,
    calls: read(),
    push(news) {
      waiting.push(...news.calls);
      const left = Math.max(0, waiting.length - WAITING_MAX);
      waiting.splice(0, left);
      skipped += news.skipped + left;
      storedMs = news.storedMs;
      hasNews = true;
      if (news.skipped + left > 0) onSkipped(news.skipped + left);
      wake?.();
    },
    fail(error) {
      failure = { error };
      wake?.();
    },
  };

  async function* read(): AsyncGenerator<NewCalls> {
    try {
      while (!signal.aborted) {
        await somethingNew();
        if (failure) throw failure.error;
        const news = { calls: waiting, storedMs, skipped };
        waiting = [];
        hasNews = false;
        skipped = 0;
        yield news;
      }
    } finally {
      // Whoever stops reading stops listening.
      ended.abort();
    }
  }

  /** Until there is news, an error, an end, or it is time for a sign of life. */
  async function somethingNew(): Promise<void> {
    if (hasNews || failure || signal.aborted) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      wake = resolve;
      timer = setTimeout(resolve, HEARTBEAT_MS);
    });
    wake = undefined;
    clearTimeout(timer);
  }
}
