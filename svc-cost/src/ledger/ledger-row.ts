import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { dateTimeFromMicros, usdFromMicros } from "@gatewayops/platform/clickhouse/values";
import { factsOf, weightOf } from "@gatewayops/platform/streams/consumer-records";

/** Gives the name an id has now, undefined when it is not known at once. */
export type KnownNames = (
  orgId: string,
  ref: { readonly kind: "server" | "tool"; readonly id: string },
) => string | undefined;

/** A row of `cost_events`, as JSON for ClickHouse. 64-bit numbers and money are text, so that no float is involved. */
export type LedgerRow = ReturnType<typeof toLedgerRow>;

/** The ledger's row of a call. The same record always gives the same key: organisation, timestamp and event id. */
export function toLedgerRow(record: CallCompletion, names: KnownNames) {
  const facts = factsOf(record);
  const { ids } = facts;
  return {
    event_id: facts.callId,
    trace_id: facts.traceId,
    ...ids,
    mcp_server: ids.server_id === "" ? "" : nameOf("server", ids.server_id),
    tool_name: ids.tool_id === "0" ? "" : nameOf("tool", facts.toolHex),
    timestamp: facts.startTime,
    operation: facts.method,
    outcome: facts.outcome,
    reason: record.reason,
    http_status: record.httpStatus,
    duration_us: String(record.durationUs),
    request_bytes: record.intent?.requestBytes ?? 0,
    response_bytes: String(record.responseBytes),
    input_tokens: record.inputTokens,
    output_tokens: record.outputTokens,
    cost: usdFromMicros(record.costUsdMicros),
    price_rule_id: facts.priceRuleId,
    weight: weightOf(facts),
  };

  function nameOf(kind: "server" | "tool", id: string): string {
    return names(ids.org_id, { kind, id }) ?? "";
  }
}

/** Minutes of one organisation without a gap. */
export type MinuteRange = {
  readonly orgId: string;
  /** Beginning, included, a whole minute, as ClickHouse reads it. */
  readonly start: string;
  /** End, not included. */
  readonly end: string;
};

const MINUTE_US = 60_000_000n;

/** The minutes that records fall into, as few ranges as possible, since each is one range of the ledger's sort key. */
export function touchedMinutes(records: readonly CallCompletion[]): MinuteRange[] {
  const minutesByOrg = new Map<string, Set<bigint>>();
  for (const record of records) {
    const { ids, startTimeUs } = factsOf(record);
    const minutes = minutesByOrg.get(ids.org_id) ?? new Set();
    minutesByOrg.set(ids.org_id, minutes.add(startTimeUs / MINUTE_US));
  }
  return [...minutesByOrg].flatMap(([orgId, minutes]) =>
    runsOf([...minutes].sort((a, b) => (a < b ? -1 : 1))).map(([first, last]) => ({
      orgId,
      start: dateTimeFromMicros(first * MINUTE_US),
      end: dateTimeFromMicros((last + 1n) * MINUTE_US),
    })),
  );
}

/** First and last number of each run of consecutive numbers. */
function runsOf(sorted: readonly bigint[]): [bigint, bigint][] {
  const runs: [bigint, bigint][] = [];
  for (const value of sorted) {
    const run = runs.at(-1);
    if (run && run[1] + 1n === value) run[1] = value;
    else runs.push([value, value]);
  }
  return runs;
}
