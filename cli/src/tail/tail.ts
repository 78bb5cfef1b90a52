import { setTimeout as delay } from "node:timers/promises";
import { timestampDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { isPeerAway } from "@gatewayops/platform/rpc/errors";
import {
  CallSchema,
  Status,
  TraceService,
  type Call,
} from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { messageJson } from "../client/json.ts";
import type { Clients } from "../client/target.ts";
import { durationText, timeOfDay, usd } from "../client/units.ts";
import { Problem } from "../problem.ts";
import { createFollower } from "./follow.ts";

export type TailOptions = {
  readonly server: string;
  readonly status: Status;
  /** Calls of the last hour that are shown first. */
  readonly lines: number;
  readonly json: boolean;
  /** False: show these and end. */
  readonly follow: boolean;
  readonly write: (line: string) => void;
  readonly warn: (line: string) => void;
  readonly signal: AbortSignal;
};

const POLL_MS = 1_000;
const PAGE = 200;
/** Pages of one answer: above 10,000 calls in half a minute some are left out, and that is said. */
const MAX_PAGES = 50;

/** Prints calls as they are recorded, until the signal. */
export async function tailCalls(clients: Clients, options: TailOptions): Promise<void> {
  const traces = clients(TraceService);
  const follower = createFollower(Date.now());
  const filter = { mcpServer: options.server, status: options.status };
  const first = await traces.listCalls({
    ...filter,
    limit: Math.min(PAGE, Math.max(1, options.lines)),
  });
  print(options.lines === 0 ? [] : first.calls);
  follower.take(first.calls);
  let away = false;
  while (options.follow && (await tick(options.signal))) {
    try {
      print(await newCalls());
      if (away) options.warn("The deployment answers again.");
      away = false;
    } catch (error) {
      if (!(error instanceof ConnectError) || !isPeerAway(error)) throw error;
      if (!away)
        options.warn(`The deployment does not answer (${error.rawMessage}); still trying.`);
      away = true;
    }
  }

  async function newCalls(): Promise<Call[]> {
    const startTime = timestampFromMs(follower.since());
    const calls: Call[] = [];
    for (let cursor = "", page = 0; ; page += 1) {
      const answer = await traces.listCalls({ ...filter, startTime, limit: PAGE, cursor });
      calls.push(...answer.calls);
      if (!answer.hasMore) break;
      if (page === MAX_PAGES) {
        options.warn("More calls came than can be shown; some were left out.");
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

const STATUSES: Readonly<Record<string, Status>> = {
  success: Status.SUCCESS,
  error: Status.ERROR,
  timeout: Status.TIMEOUT,
  unknown: Status.UNKNOWN,
};

/** The status that a person wrote. */
export function statusFrom(text: string | undefined): Status {
  if (text === undefined) return Status.UNSPECIFIED;
  const status = STATUSES[text];
  if (status !== undefined) return status;
  throw new Problem(
    `--status ${text} is not known`,
    `Use one of: ${Object.keys(STATUSES).join(", ")}.`,
  );
}

/** False when the signal came instead. */
async function tick(signal: AbortSignal): Promise<boolean> {
  try {
    await delay(POLL_MS, undefined, { signal });
    return true;
  } catch {
    // Ctrl-C.
    return false;
  }
}
