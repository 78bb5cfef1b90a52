import { Failure } from "@gatewayops/platform/errors";
import type { Logger } from "@gatewayops/platform/log";
import type { CallRecord, CallVersion, TraceStore } from "../traces/trace-store.ts";
import { createListener, type Listener, type NewCalls } from "./tail-listener.ts";

/**
 * Lets any number of streams follow what is stored of an organisation, whichever replica stored it: as long as somebody
 * listens, the store is asked once a second for each organisation.
 */
export type TailHub = {
  /**
   * The calls that are stored from the first thing that is yielded on, until the signal or the end of the process.
   * Something is yielded at least every `HEARTBEAT_MS`.
   *
   * @throws Failure RATE_LIMITED, OVERLOADED at once, when more streams are open than may be; STORE_UNAVAILABLE within the
   *   stream
   */
  listen(orgId: string, signal: AbortSignal): AsyncIterable<NewCalls>;
};

export type TailHubOptions = {
  readonly store: Pick<TraceStore, "storeTimeMs" | "storedSince" | "callsOf">;
  readonly log: Logger;
  /** Ends all streams. */
  readonly signal: AbortSignal;
  /** Streams of all organisations, and of one. */
  readonly maxStreams: number;
  readonly maxStreamsPerOrg: number;
  /** Hears of each change of the number of streams, and of calls that were left out. */
  readonly observe: (change: { readonly streams: number; readonly skipped: number }) => void;
  /** Milliseconds from one question to the next. Default 1000. */
  readonly pollMs?: number;
};

const POLL_MS = 1_000;
/**
 * Milliseconds that are asked for again: a row may become visible after one that was stored later, since its statement
 * took longer, and clocks of the store's replicas differ.
 */
const OVERLAP_MS = 5_000;
/** Calls that one question gets the records of. */
const CALLS_MAX = 2_000;
/** Rows that one question looks at: those of the overlap are seen again and again. */
const ROWS_MAX = 6 * CALLS_MAX;

export function createTailHub(options: TailHubOptions): TailHub {
  const feeds = new Map<string, Feed>();
  let streams = 0;
  return {
    listen(orgId, signal) {
      const known = feeds.get(orgId);
      requireRoom(known?.listeners.size ?? 0);
      const listener = createListener(AbortSignal.any([signal, options.signal]), (skipped) => {
        options.observe({ streams, skipped });
      });
      const feed = known ?? { listeners: new Set(), newestMs: undefined };
      feed.listeners.add(listener);
      count(1);
      listener.signal.addEventListener("abort", () => {
        feed.listeners.delete(listener);
        count(-1);
      });
      if (!known) {
        feeds.set(orgId, feed);
        void run(orgId, feed);
      } else if (feed.newestMs !== undefined) listener.push(nothingSince(feed.newestMs));
      return listener.calls;
    },
  };

  function count(change: number): void {
    streams += change;
    options.observe({ streams, skipped: 0 });
  }

  function requireRoom(ofOrg: number): void {
    if (ofOrg >= options.maxStreamsPerOrg)
      throw new Failure(
        "RATE_LIMITED",
        `The organisation follows ${ofOrg} streams of calls already, as many as it may. Close one, or try again later.`,
        { retryAfterMs: 10_000 },
      );
    if (streams >= options.maxStreams)
      throw new Failure(
        "OVERLOADED",
        `${streams} streams of calls are open here already. Try again: another replica may have room.`,
        { retryAfterMs: 10_000 },
      );
  }

  /** Asks for new calls of an organisation for as long as somebody listens. */
  async function run(orgId: string, feed: Feed): Promise<void> {
    const { listeners } = feed;
    const seen = new Map<string, CallVersion>();
    try {
      const began = await options.store.storeTimeMs();
      let newestMs = began;
      // What was stored just before is not new.
      for (const version of await options.store.storedSince(orgId, began - OVERLAP_MS, ROWS_MAX))
        seen.set(version.callId, version);
      feed.newestMs = newestMs;
      for (const listener of listeners) listener.push(nothingSince(newestMs));
      while (listeners.size > 0) {
        await pause(options.pollMs ?? POLL_MS);
        const fresh = await freshSince(orgId, newestMs - OVERLAP_MS, seen);
        for (const { storedMs } of fresh) newestMs = Math.max(newestMs, storedMs);
        feed.newestMs = newestMs;
        forgetBefore(newestMs - OVERLAP_MS, seen);
        await tell(orgId, listeners, { fresh, newestMs });
      }
    } catch (error) {
      options.log.warn({ err: error, org_id: orgId }, "streams of new calls broke off");
      for (const listener of listeners) listener.fail(error);
    } finally {
      feeds.delete(orgId);
    }
  }

  /**
   * Versions not seen before, and heavier than what was seen of their call, in the order in which they were stored; those of
   * one statement in the order in which the calls began.
   */
  async function freshSince(
    orgId: string,
    sinceMs: number,
    seen: Map<string, CallVersion>,
  ): Promise<CallVersion[]> {
    const fresh = new Map<string, CallVersion>();
    for (const version of await options.store.storedSince(orgId, sinceMs, ROWS_MAX)) {
      const known = seen.get(version.callId);
      if (known && known.weight >= version.weight) continue;
      seen.set(version.callId, version);
      fresh.set(version.callId, version);
    }
    return [...fresh.values()].sort(
      (a, b) => a.storedMs - b.storedMs || Number(a.startTimeUs - b.startTimeUs),
    );
  }

  async function tell(
    orgId: string,
    listeners: ReadonlySet<Listener>,
    { fresh, newestMs }: { readonly fresh: readonly CallVersion[]; readonly newestMs: number },
  ): Promise<void> {
    if (fresh.length === 0) return;
    const shown = fresh.slice(-CALLS_MAX);
    const records = new Map(
      (await options.store.callsOf(orgId, shown)).map((call) => [call.callId, call]),
    );
    const calls = shown
      .map(({ callId }) => records.get(callId))
      .filter((call): call is CallRecord => call !== undefined);
    for (const listener of listeners)
      listener.push({ calls, storedMs: newestMs, skipped: fresh.length - shown.length });
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      options.signal.addEventListener("abort", done);
      function done(): void {
        clearTimeout(timer);
        options.signal.removeEventListener("abort", done);
        resolve();
      }
    });
  }
}

/** Who follows an organisation. */
type Feed = {
  readonly listeners: Set<Listener>;
  /** When the newest that is known was stored. Undefined: what is new is not known yet. */
  newestMs: number | undefined;
};

const nothingSince = (storedMs: number): NewCalls => ({ calls: [], storedMs, skipped: 0 });

function forgetBefore(storedMs: number, seen: Map<string, CallVersion>): void {
  for (const [callId, version] of seen) if (version.storedMs < storedMs) seen.delete(callId);
}
