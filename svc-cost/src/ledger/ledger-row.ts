import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import {
  dateTime,
  integer,
  text,
  uint64Bytes,
  usd,
  uuid,
  type RowOf,
} from "@gatewayops/platform/clickhouse/tab-separated";
import { dateTimeFromMicros } from "@gatewayops/platform/clickhouse/values";
import {
  factsOf,
  storedNames,
  type KnownNames,
} from "@gatewayops/platform/streams/consumer-records";

/** The columns of `cost_events` that are written. */
export const LEDGER_COLUMNS = {
  event_id: uuid,
  trace_id: uuid,
  span_id: uint64Bytes,
  org_id: text,
  user_id: text,
  team_id: text,
  key_id: text,
  server_id: text,
  mcp_server: text,
  tool_id: integer,
  tool_name: text,
  timestamp: dateTime,
  operation: text,
  outcome: text,
  reason: integer,
  http_status: integer,
  duration_us: integer,
  request_bytes: integer,
  response_bytes: integer,
  input_tokens: integer,
  output_tokens: integer,
  cost: usd,
  price_rule_id: uuid,
  budget_id: uuid,
  log_id: uuid,
  weight: integer,
};

/** A row of `cost_events`. */
export type LedgerRow = RowOf<typeof LEDGER_COLUMNS>;

/** The ledger's row of a call. The same record always gives the same key: organisation, timestamp and event id. */
export function toLedgerRow(record: CallCompletion, names: KnownNames): LedgerRow {
  const facts = factsOf(record);
  const { intent } = facts;
  const { mcp_server, tool_name } = storedNames(facts, names);
  return {
    event_id: intent.callId,
    trace_id: intent.traceId,
    span_id: intent.spanId,
    org_id: facts.orgId,
    user_id: facts.userId,
    team_id: facts.teamId,
    key_id: facts.keyId,
    server_id: facts.serverId,
    mcp_server,
    tool_id: intent.toolId,
    tool_name,
    timestamp: intent.startTimeUs,
    operation: facts.method,
    outcome: facts.outcome,
    reason: record.reason,
    http_status: record.httpStatus,
    duration_us: record.durationUs,
    request_bytes: intent.requestBytes,
    response_bytes: record.responseBytes,
    input_tokens: record.inputTokens,
    output_tokens: record.outputTokens,
    cost: record.costUsdMicros,
    price_rule_id: record.priceRuleId,
    budget_id: record.budgetId,
    log_id: record.logId,
    weight: facts.weight,
  };
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

/** The minutes that rows fall into, as few ranges as possible, since each is one range of the ledger's sort key. */
export function touchedMinutes(
  rows: readonly Pick<LedgerRow, "org_id" | "timestamp">[],
): MinuteRange[] {
  const minutesByOrg = new Map<string, Set<bigint>>();
  for (const { org_id: orgId, timestamp } of rows) {
    const minutes = minutesByOrg.get(orgId) ?? new Set();
    minutesByOrg.set(orgId, minutes.add(timestamp / MINUTE_US));
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
