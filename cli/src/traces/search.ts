import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { TraceSummary } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { table } from "../client/table.ts";
import { dateAndTime, durationText, usd } from "../client/units.ts";
import { Problem } from "../problem.ts";
import { statusWord } from "./filter-flags.ts";

/** A half-open period in milliseconds since 1970-01-01 UTC. */
export type Period = { readonly startMs: number; readonly endMs: number };

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * The period that a person means: from and to a time, or so long until now.
 *
 * @throws Problem for what is no time
 */
export function periodFrom(
  flags: { readonly from?: string; readonly to?: string; readonly since: string },
  nowMs: number,
): Period {
  const endMs = flags.to === undefined ? nowMs : timeFrom("--to", flags.to);
  const startMs =
    flags.from === undefined ? endMs - spanFrom(flags.since) : timeFrom("--from", flags.from);
  if (startMs < endMs) return { startMs, endMs };
  throw new Problem("the period ends before it begins", "Give --from a time before that of --to.");
}

function spanFrom(text: string): number {
  const match = /^(\d{1,5})([mhd])$/.exec(text);
  const ms = Number(match?.[1]) * UNITS[match?.[2] as keyof typeof UNITS];
  if (ms > 0) return ms;
  throw new Problem(`--since ${text} is no time span`, "Write it like 30m, 24h or 7d.");
}

function timeFrom(flag: string, text: string): number {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  throw new Problem(`${flag} ${text} is no time`, `Write it like ${flag} 2026-11-23T14:00:00Z.`);
}

/** Traces for people, newest first. */
export function tellTraces(traces: readonly TraceSummary[], hasMore: boolean): string {
  if (traces.length === 0) return "No trace in this period has such a call.";
  const rows = traces.map((trace) => [
    trace.startTime === undefined ? "" : dateAndTime(timestampDate(trace.startTime)),
    statusWord(trace.status),
    [trace.mcpServer, trace.toolName].filter((part) => part !== "").join("/"),
    String(trace.callCount),
    durationText(trace.durationMs * 1_000n),
    usd(trace.totalCostUsdMicros),
    trace.id,
  ]);
  const head = ["BEGAN", "STATUS", "FIRST CALL", "CALLS", "DURATION", "COST", "TRACE"];
  const more = hasMore
    ? "\n\nThere are more: raise --limit, or go on with --json and --cursor."
    : "";
  return table(head, rows) + more;
}
