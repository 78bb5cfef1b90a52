import { createClient } from "@clickhouse/client";

/** What must be known of a call to find it in the books. */
export type AuditedCall = { readonly traceId: string; readonly isAnswered: boolean };

/** What the books say of the offered calls. */
export type Audit = {
  readonly answered: number;
  /** Answered calls without a ledger row, or without a call record. */
  readonly missing: number;
  /** Answered calls that count more than once, in either. */
  readonly duplicate: number;
  /** Calls recorded as unknown. */
  readonly unknown: number;
  /** Unknown records of calls that were answered: must be none. */
  readonly unknownButAnswered: number;
  /** Sum of the answered calls by the client's own price list, and by the ledger, in micro-USD. */
  readonly expectedUsdMicros: bigint;
  readonly ledgerUsdMicros: bigint;
  /** Sum over all ledger rows, and over the roll-up. */
  readonly allUsdMicros: bigint;
  readonly rollupUsdMicros: bigint;
  readonly allCalls: number;
  readonly rollupCalls: number;
};

type Row = { trace: string; rows: number; micros: string; outcome: string };

/** Reads the books once. They may still be behind: ask again until `isComplete`. */
export async function audit<Call extends AuditedCall>(options: {
  clickhouseUrl: string;
  orgId: string;
  server: string;
  offered: readonly Call[];
  priceOf: (call: Call) => bigint;
}): Promise<Audit> {
  const client = createClient({ url: options.clickhouseUrl });
  try {
    const params = { org: options.orgId };
    const read = async <T>(query: string): Promise<T[]> =>
      (await client.query({ query, query_params: params, format: "JSONEachRow" })).json<T>();
    // Deduplicated as readers do it; two rows of one trace would be two calls, since each call has its own trace.
    const ledger = await read<Row>(
      `SELECT lower(hex(trace_id)) AS trace, toUInt32(count()) AS rows, toString(sum(toInt64(cost * 1000000))) AS micros,
              any(outcome) AS outcome
       FROM cost_events FINAL WHERE org_id = {org:String} GROUP BY trace_id`,
    );
    const records = await read<Row>(
      `SELECT lower(hex(trace_id)) AS trace, toUInt32(count()) AS rows, '0' AS micros, any(outcome) AS outcome
       FROM calls FINAL WHERE org_id = {org:String} GROUP BY trace_id`,
    );
    const [rollup] = await read<{ calls: number; micros: string }>(
      `SELECT toUInt32(sum(calls)) AS calls, toString(sum(toInt64(cost * 1000000))) AS micros
       FROM cost_minute FINAL WHERE org_id = {org:String}`,
    );
    return compare(options, ledger, records, rollup ?? { calls: 0, micros: "0" });
  } finally {
    await client.close();
  }
}

/** True when every answered call is in the books and the roll-up has caught up. */
export function isComplete(result: Audit): boolean {
  return (
    result.missing === 0 &&
    result.allCalls === result.rollupCalls &&
    result.allUsdMicros === result.rollupUsdMicros
  );
}

function compare<Call extends AuditedCall>(
  options: { offered: readonly Call[]; priceOf: (call: Call) => bigint },
  ledger: readonly Row[],
  records: readonly Row[],
  rollup: { calls: number; micros: string },
): Audit {
  const ledgerBy = new Map(ledger.map((row) => [row.trace, row]));
  const recordBy = new Map(records.map((row) => [row.trace, row]));
  const answered = options.offered.filter((call) => call.isAnswered);
  const rowsOf = (call: Call): number[] => [
    ledgerBy.get(call.traceId)?.rows ?? 0,
    recordBy.get(call.traceId)?.rows ?? 0,
  ];
  return {
    answered: answered.length,
    missing: answered.filter((call) => rowsOf(call).includes(0)).length,
    duplicate: answered.filter((call) => rowsOf(call).some((rows) => rows > 1)).length,
    unknown: records.filter((row) => row.outcome === "unknown").length,
    unknownButAnswered: answered.filter((call) => recordBy.get(call.traceId)?.outcome === "unknown")
      .length,
    expectedUsdMicros: answered.reduce((sum, call) => sum + options.priceOf(call), 0n),
    ledgerUsdMicros: answered.reduce(
      (sum, call) => sum + BigInt(ledgerBy.get(call.traceId)?.micros ?? "0"),
      0n,
    ),
    allUsdMicros: ledger.reduce((sum, row) => sum + BigInt(row.micros), 0n),
    rollupUsdMicros: BigInt(rollup.micros),
    allCalls: ledger.reduce((sum, row) => sum + row.rows, 0),
    rollupCalls: rollup.calls,
  };
}
