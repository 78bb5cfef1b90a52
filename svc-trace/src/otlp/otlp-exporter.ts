import type { Logger } from "@gatewayops/platform/log";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { OtlpTransport, SendOutcome } from "./otlp-transport.ts";

/** Sends the spans of calls on, from a queue that is bounded. */
export type OtlpExporter = {
  /** Puts calls into the queue; those that find no room are left out, and counted. */
  readonly push: (records: readonly CallCompletion[]) => void;
  /** Sends what is queued, for as long as `flushMs` at most, and ends. */
  close(): Promise<void>;
};

/** Why calls were not sent. */
export type DropReason = "queue_full" | "refused" | "closing" | "failed";

/** What an exporter tells of. */
export type OtlpObserver = {
  readonly queued: (calls: number) => void;
  readonly sent: (calls: number) => void;
  readonly dropped: (reason: DropReason, calls: number) => void;
  readonly rejectedSpans: (spans: number) => void;
  readonly retried: () => void;
};

export type OtlpExporterOptions = {
  readonly transport: OtlpTransport;
  /** The request with the spans of some calls, serialized. */
  readonly requestOf: (records: readonly CallCompletion[]) => Promise<Uint8Array>;
  readonly observe: OtlpObserver;
  readonly log: Logger;
  /** Calls in the queue, those being sent not counted. */
  readonly queueMaxCalls: number;
  /** Requests in flight at the same time. */
  readonly requestsMax: number;
  /** Milliseconds until the first try after a failure; each further one waits about twice as long. Default 1 s. */
  readonly backoffMinMs?: number;
  /** Default 30 s. */
  readonly backoffMaxMs?: number;
  /** Default 3 s. */
  readonly flushMs?: number;
};

/** Calls of one request: with ten spans each it stays well below 4 MiB, which receivers take. */
const REQUEST_MAX_CALLS = 256;

/**
 * A request that was not taken is sent again for as long as the receiver says that it may be, since the queue bounds what
 * waits meanwhile. Spans have ids of their own, so that a receiver which took a request without our hearing of it can
 * tell that it has them.
 */
export function createOtlpExporter(options: OtlpExporterOptions): OtlpExporter {
  const { observe, log, transport } = options;
  const backoffMinMs = options.backoffMinMs ?? 1_000;
  const backoffMaxMs = options.backoffMaxMs ?? 30_000;
  const queue: CallCompletion[] = [];
  const closing = new AbortController();
  let isOpen = true;
  let isTroubled = false;
  const wakes = new Set<() => void>();
  const senders = Array.from({ length: options.requestsMax }, () => sendAll());

  return {
    push(records) {
      const room = isOpen ? Math.max(0, options.queueMaxCalls - queue.length) : 0;
      // One at a time: a batch may be longer than a call takes arguments.
      for (const record of records.slice(0, room)) queue.push(record);
      if (records.length > room)
        observe.dropped(isOpen ? "queue_full" : "closing", records.length - room);
      observe.queued(queue.length);
      wakeAll();
    },
    async close() {
      isOpen = false;
      wakeAll();
      const timer = setTimeout(() => {
        closing.abort();
        wakeAll();
      }, options.flushMs ?? 3_000);
      await Promise.all(senders);
      clearTimeout(timer);
      if (queue.length > 0) observe.dropped("closing", queue.length);
      queue.length = 0;
      transport.close();
    },
  };

  async function sendAll(): Promise<void> {
    while (!closing.signal.aborted) {
      const records = queue.splice(0, REQUEST_MAX_CALLS);
      observe.queued(queue.length);
      if (records.length > 0) await sendUntilTaken(records);
      else if (!isOpen) return;
      else await new Promise<void>((resolve) => wakes.add(resolve));
    }
  }

  async function sendUntilTaken(records: readonly CallCompletion[]): Promise<void> {
    let request: Uint8Array;
    try {
      request = await options.requestOf(records);
    } catch (error) {
      log.error({ err: error, calls: records.length }, "calls cannot be written as OTLP");
      observe.dropped("failed", records.length);
      return;
    }
    let backoffMs = backoffMinMs;
    for (;;) {
      const outcome = await transport.send(request);
      if (outcome.kind !== "retry") {
        settle(outcome, records.length);
        return;
      }
      observe.retried();
      tellTrouble(outcome.problem);
      await pause(outcome.afterMs ?? jittered(backoffMs));
      if (closing.signal.aborted) {
        observe.dropped("closing", records.length);
        return;
      }
      backoffMs = Math.min(backoffMs * 2, backoffMaxMs);
    }
  }

  function settle(outcome: Exclude<SendOutcome, { kind: "retry" }>, calls: number): void {
    if (outcome.kind === "refused") {
      log.error(
        { problem: outcome.problem, calls },
        "the OTLP receiver refused calls; they are left out",
      );
      observe.dropped("refused", calls);
      return;
    }
    if (isTroubled) log.info("the OTLP receiver takes calls again");
    isTroubled = false;
    observe.sent(calls);
    if (outcome.rejectedSpans === 0) return;
    log.warn(
      { problem: outcome.message, spans: outcome.rejectedSpans },
      "the OTLP receiver rejected spans",
    );
    observe.rejectedSpans(outcome.rejectedSpans);
  }

  // Once for each time it goes away, not for each attempt.
  function tellTrouble(problem: string): void {
    if (!isTroubled) log.warn({ problem }, "the OTLP receiver does not take calls; trying again");
    isTroubled = true;
  }

  function wakeAll(): void {
    for (const wake of wakes) wake();
    wakes.clear();
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        closing.signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, Math.min(ms, RETRY_AFTER_MAX_MS));
      if (closing.signal.aborted) end();
      else closing.signal.addEventListener("abort", end);
    });
  }
}

/** A receiver that names a longer delay is asked sooner, so that a mistake of it does not stop the export for a day. */
const RETRY_AFTER_MAX_MS = 300_000;

/** Between half of it and all, so that senders do not come back together. */
function jittered(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}
