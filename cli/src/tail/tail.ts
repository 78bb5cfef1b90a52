import { setTimeout as delay } from "node:timers/promises";
import { timestampDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { isPeerAway } from "@gatewayops/platform/rpc/errors";
import {
  CallSchema,
  TraceService,
  type Call,
} from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { messageJson } from "../client/json.ts";
import type { Clients } from "../client/target.ts";
import { durationText, timeOfDay, usd } from "../client/units.ts";
import type { filterFields } from "../traces/filter-flags.ts";
import { createFollower } from "./follow.ts";

export type TailOptions = {
  readonly filter: ReturnType<typeof filterFields>;
  /** Calls of the last hour that are shown first. */
  readonly lines: number;
  readonly json: boolean;
  /** False: show these and end. */
  readonly follow: boolean;
  readonly write: (line: string) => void;
  readonly warn: (line: string) => void;
  readonly signal: AbortSignal;
  /** Milliseconds until a broken stream is begun anew. Default 1000. */
  readonly retryMs?: number;
};

const RETRY_MS = 1_000;
/** Milliseconds without a sign of life, of which one comes within 10 s, after which a stream is taken for dead. */
const SILENT_MS = 30_000;
const PAGE = 200;
/** Pages of what is caught up with: above 10,000 calls some are left out, and that is said. */
const MAX_PAGES = 50;

/** Prints calls as they are recorded, until the signal. */
export async function tailCalls(clients: Clients, options: TailOptions): Promise<void> {
  const { filter, signal, warn } = options;
  const traces = clients(TraceService);
  const follower = createFollower(Date.now());
  const first = await traces.listCalls({
    ...filter,
    limit: Math.min(PAGE, Math.max(1, options.lines)),
  });
  print(options.lines === 0 ? [] : first.calls);
  follower.take(first.calls);
  let away = false;
  const isStopped = (): boolean => signal.aborted;
  while (options.follow && !isStopped()) {
    try {
      await followStream();
    } catch (error) {
      if (isStopped()) return;
      if (!(error instanceof ConnectError) || !isPeerAway(error)) throw error;
      if (!away) warn(`The deployment does not answer (${error.rawMessage}); still trying.`);
      away = true;
    }
    await pause(options.retryMs ?? RETRY_MS, signal);
  }

  /** Until the stream ends or breaks off. */
  async function followStream(): Promise<void> {
    const silence = new AbortController();
    const timer = setTimeout(() => {
      silence.abort();
    }, SILENT_MS);
    try {
      const stream = traces.tailTraces(filter, {
        signal: AbortSignal.any([signal, silence.signal]),
        // No deadline: a stream has none.
        timeoutMs: 0,
      });
      let isCaughtUp = false;
      for await (const { calls, skippedCalls } of stream) {
        timer.refresh();
        // What was recorded before the stream began is in the list, and what comes now is in the stream.
        if (!isCaughtUp) print(await missedCalls());
        isCaughtUp = true;
        if (away) warn("The deployment answers again.");
        away = false;
        print(calls);
        if (skippedCalls > 0)
          warn(`${String(skippedCalls)} calls came too fast and were left out.`);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async function missedCalls(): Promise<Call[]> {
    const startTime = timestampFromMs(follower.since());
    const calls: Call[] = [];
    for (let cursor = "", page = 0; ; page += 1) {
      const answer = await traces.listCalls({ ...filter, startTime, limit: PAGE, cursor });
      calls.push(...answer.calls);
      if (!answer.hasMore) break;
      if (page === MAX_PAGES) {
        warn("More calls came than can be shown; some were left out.");
        break;
      }
      cursor = answer.cursor;
    }
    return calls;
  }

  function print(calls: readonly Call[]): void {
    for (const call of follower.take(calls))
      options.write(options.json ? JSON.stringify(messageJson(CallSchema, call)) : callLine(call));
  }
}

/** One line of a call: local time, outcome, what, duration, cost, request id. */
export function callLine(call: Call): string {
  const time = call.startTime === undefined ? "" : timeOfDay(timestampDate(call.startTime));
  const what = [call.mcpServer, call.toolName].filter((part) => part !== "").join("/");
  const outcome = call.reason === "" ? call.outcome : `${call.outcome} ${call.reason}`;
  return [
    time,
    outcome.padEnd(14),
    `${call.method} ${what}`.padEnd(34),
    durationText(call.durationUs).padStart(9),
    usd(call.costUsdMicros).padStart(9),
    call.requestId,
  ].join("  ");
}

/** Until the time is over or the signal comes. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // Aborted: the caller looks at the signal.
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
