import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { randomBytesPooled, uuidToText } from "@gatewayops/platform/ids";
import { makeRecord } from "@gatewayops/platform/streams/consumer-testing";
import { openTraces, type OpenTraces } from "./engines.ts";

const DAY_MS = 86_400_000;
const [SHORT, LONG, USUAL] = [randomBytesPooled(16), randomBytesPooled(16), randomBytesPooled(16)];
const DAYS = new Map([
  [uuidToText(SHORT), 7],
  [uuidToText(LONG), 365],
]);
const TABLES = ["calls", "trace_calls", "traces"] as const;

let open: OpenTraces;

beforeAll(async () => {
  open = await openTraces({ resolve: () => Promise.resolve((orgId) => DAYS.get(orgId) ?? 90) });
}, 120_000);

afterAll(() => open.close());

/** Ages, in whole days, of what an organisation has in a table. */
async function agesIn(table: (typeof TABLES)[number], org: Buffer): Promise<number[]> {
  const rows = await open.clickhouse.select<{ age: number }>(
    "ages",
    `SELECT toInt32(dateDiff('day', start_time, now64(6, 'UTC'))) AS age FROM ${table}
    WHERE org_id = {orgId:String} ORDER BY age`,
    { orgId: uuidToText(org) },
  );
  return rows.map(({ age }) => age);
}

describe("retention", () => {
  it("drops what is older than its organisation keeps, and nothing of others", async () => {
    const orgs = [SHORT, LONG, USUAL];
    const ages = [1, 6, 8, 80, 91, 300, 370];
    // An hour within the day, so that none is on the edge.
    const at = (days: number): bigint => BigInt(Date.now() - days * DAY_MS - 3_600_000) * 1000n;
    await open.record(
      orgs.flatMap((orgId) => ages.map((days) => makeRecord(at(days), { intent: { orgId } }))),
    );
    for (const table of TABLES) await open.clickhouse.run("merge", `OPTIMIZE TABLE ${table} FINAL`);
    for (const table of TABLES) {
      expect(await agesIn(table, SHORT)).toEqual([1, 6]);
      expect(await agesIn(table, USUAL)).toEqual([1, 6, 8, 80]);
      expect(await agesIn(table, LONG)).toEqual([1, 6, 8, 80, 91, 300]);
    }
  });

  it("keeps a trace for as long as the call of it that is kept longest", async () => {
    const [org, traceId] = [randomBytesPooled(16), randomBytesPooled(16)];
    const of = (days: number) =>
      makeRecord(BigInt(Date.now() - 10 * DAY_MS) * 1000n, {
        intent: { orgId: org, traceId, parentSpanId: randomBytesPooled(8), requestBytes: days },
      });
    for (const days of [7, 30, 8]) {
      DAYS.set(uuidToText(org), days);
      await open.record([of(days)]);
    }
    const [row] = await open.clickhouse.select<{ days: number }>(
      "days",
      "SELECT retention_days AS days FROM traces FINAL WHERE org_id = {orgId:String} ORDER BY version DESC LIMIT 1",
      { orgId: uuidToText(org) },
    );
    expect(row?.days).toBe(30);
  });
});
