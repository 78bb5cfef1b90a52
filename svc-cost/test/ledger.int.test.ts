import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, type ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { migrateClickHouse } from "@gatewayops/platform/clickhouse/migrate";
import { randomBytesPooled, toolIdOf, toolIdToText, uuidToText } from "@gatewayops/platform/ids";
import { makeRecord, type RecordSpec } from "@gatewayops/platform/streams/consumer-testing";
import {
  Outcome,
  type CallCompletion,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { createLedger } from "../src/ledger/ledger.ts";
import { toLedgerRow, touchedMinutes } from "../src/ledger/ledger-row.ts";
import type { LedgerStore } from "../src/ledger/ledger-store.ts";
import { createClickHouseLedgerStore } from "../src/ledger/ledger-store.clickhouse.ts";
import { periodOfDates, stepsOf } from "../src/summary/periods.ts";
import type { Grouping, SummaryStore } from "../src/summary/summary-store.ts";
import { createClickHouseSummaryStore } from "../src/summary/summary-store.clickhouse.ts";
import { startStores, type TestStores } from "./engines.ts";

// Today's noon, so that no row is older than its time to live.
const NOON_MS = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
const NOON_US = BigInt(NOON_MS) * 1000n;
const DAY = new Date(NOON_MS).toISOString().slice(0, 10);
const SECOND_US = 1_000_000n;

let stores: TestStores;
let client: ClickHouseClient;
let clickhouse: ClickHouse;
let ledgerStore: LedgerStore;
let summaries: SummaryStore;
let ledger: (records: readonly CallCompletion[]) => Promise<void>;

beforeAll(async () => {
  stores = await startStores();
  client = createClient({ url: stores.clickhouseUrl, log: { level: ClickHouseLogLevel.OFF } });
  clickhouse = createClickHouse({ client, service: "test" });
  const directory = fileURLToPath(new URL("../migrations/clickhouse", import.meta.url));
  await migrateClickHouse({ clickhouse, service: "svc-cost", directory });
  ledgerStore = createClickHouseLedgerStore(clickhouse);
  summaries = createClickHouseSummaryStore(clickhouse);
  ledger = createLedger(ledgerStore, () => undefined);
}, 120_000);

afterAll(async () => {
  await client.close();
  await stores.stop();
});

/** Records of one organisation. */
function calls(
  org: Buffer,
  count: number,
  spec: (i: number) => RecordSpec & { at?: bigint },
): CallCompletion[] {
  return Array.from({ length: count }, (_, i) => {
    const { at = 0n, intent, completion } = spec(i);
    return makeRecord(NOON_US + at, {
      intent: { ...intent, orgId: org },
      completion: completion ?? {},
    });
  });
}

async function summaryOf(org: Buffer, grouping: Grouping = "day") {
  const period = periodOfDates(DAY, DAY);
  return summaries.summarize(uuidToText(org), { period, grouping, limit: 1000 });
}

describe("the ledger", () => {
  it("counts a batch that is stored three times once, to the micro-USD", async () => {
    const org = randomBytesPooled(16);
    // Over three minutes; costs 1, 2, … 1000 micro-USD: 500,500 together. Every tenth call fails.
    const records = calls(org, 1_000, (i) => ({
      at: BigInt(i) * 180_000n,
      completion: {
        costUsdMicros: BigInt(i + 1),
        outcome: i % 10 === 0 ? Outcome.TIMEOUT : Outcome.OK,
      },
    }));
    await ledger(records);
    await ledger(records);
    await ledger(records);
    expect((await summaryOf(org)).total).toEqual({
      costUsdMicros: 500_500n,
      calls: 1_000n,
      errors: 100n,
    });
  });

  it("keeps sums exact that a float would round", async () => {
    const org = randomBytesPooled(16);
    // Twice 2^53 + 1 micro-USD and ten times one.
    const costs = [9_007_199_254_740_993n, 9_007_199_254_740_993n, ...Array<bigint>(10).fill(1n)];
    await ledger(
      calls(org, costs.length, (i) => ({ completion: { costUsdMicros: costs[i] ?? 0n } })),
    );
    expect((await summaryOf(org)).total.costUsdMicros).toBe(18_014_398_509_481_996n);
  });

  it("ends with the same sums when rows were added but not summed before a crash", async () => {
    const org = randomBytesPooled(16);
    const records = calls(org, 100, () => ({ completion: { costUsdMicros: 7n } }));
    await ledger(records.slice(0, 50));
    // The crash: rows in, sums not computed, nothing committed.
    await ledgerStore.add(records.slice(50).map((record) => toLedgerRow(record, () => undefined)));
    // What was not committed is read again.
    await ledger(records.slice(50));
    expect((await summaryOf(org)).total).toEqual({ costUsdMicros: 700n, calls: 100n, errors: 0n });
  });

  it("keeps the more complete of two recomputations, whichever is written last", async () => {
    const org = randomBytesPooled(16);
    const records = calls(org, 20, () => ({ completion: { costUsdMicros: 5n } }));
    await ledger(records.slice(0, 10));
    const earlier = await clickhouse.select<object>(
      "test",
      "SELECT * FROM cost_minute FINAL WHERE org_id = {org:String}",
      { org: uuidToText(org) },
    );
    await ledger(records);
    // One that read before the second ten were in, and writes only now.
    await clickhouse.insert("test", "cost_minute", earlier);
    expect((await summaryOf(org)).total.calls).toBe(20n);
  });

  it("agrees with itself when many batches of one minute are stored at once", async () => {
    const org = randomBytesPooled(16);
    const records = calls(org, 800, (i) => ({ at: BigInt(i), completion: { costUsdMicros: 3n } }));
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => ledger(records.slice(i * 100, i * 100 + 120))),
    );
    expect((await summaryOf(org)).total).toEqual({
      costUsdMicros: 2_400n,
      calls: 800n,
      errors: 0n,
    });
  });

  it("replaces a call that was only begun when its completion is found", async () => {
    const org = randomBytesPooled(16);
    const [known] = calls(org, 1, () => ({ completion: { costUsdMicros: 9n } }));
    if (!known) throw new Error("no record");
    const begun = { ...known, outcome: Outcome.UNKNOWN, costUsdMicros: 0n };
    await ledger([begun]);
    expect((await summaryOf(org)).total).toEqual({ costUsdMicros: 0n, calls: 1n, errors: 1n });
    await ledger([known]);
    await ledger([begun]);
    expect((await summaryOf(org)).total).toEqual({ costUsdMicros: 9n, calls: 1n, errors: 0n });
  });

  it("counts free and refused calls, and groups by what was called", async () => {
    const org = randomBytesPooled(16);
    const server = randomBytesPooled(16);
    const team = randomBytesPooled(16);
    const echo = toolIdOf(server, "echo");
    await ledger([
      ...calls(org, 3, () => ({
        intent: { serverId: server, toolId: echo, teamId: team },
        completion: { costUsdMicros: 10n },
      })),
      ...calls(org, 1, () => ({ completion: { outcome: Outcome.REFUSED } })),
    ]);
    const { groups } = await summaryOf(org, "tool");
    expect(groups).toEqual([
      {
        group: toolIdToText(echo),
        serverId: uuidToText(server),
        costUsdMicros: 30n,
        calls: 3n,
        errors: 0n,
      },
      { group: "", serverId: "", costUsdMicros: 0n, calls: 1n, errors: 1n },
    ]);
    expect((await summaryOf(org, "team")).groups.map(({ group }) => group)).toEqual([
      uuidToText(team),
      "",
    ]);
    expect((await summaryOf(org, "day")).groups.map(({ group }) => group)).toEqual([DAY]);
    expect((await summaryOf(org, "month")).groups.map(({ group }) => group)).toEqual([
      `${DAY.slice(0, 7)}-01`,
    ]);
  });

  it("gives one organisation nothing of another", async () => {
    const org = randomBytesPooled(16);
    await ledger(calls(randomBytesPooled(16), 5, () => ({ completion: { costUsdMicros: 1n } })));
    expect(await summaryOf(org)).toEqual({
      total: { costUsdMicros: 0n, calls: 0n, errors: 0n },
      groups: [],
    });
  });

  it("gives steps with durations by bucket", async () => {
    const org = randomBytesPooled(16);
    await ledger([
      ...calls(org, 2, () => ({ completion: { durationUs: 250n } })),
      ...calls(org, 1, () => ({ at: 120n * SECOND_US, completion: { durationUs: 301_000_000n } })),
    ]);
    const steps = stepsOf({ startMs: NOON_MS, endMs: NOON_MS + 300_000 }, 60);
    const series = await summaries.series(uuidToText(org), steps);
    expect(series.map(({ step, calls: count }) => [step, count])).toEqual([
      [0, 2n],
      [2, 1n],
    ]);
    expect(series[0]?.durations[0]).toBe(2);
    expect(series[1]?.durations.at(-1)).toBe(1);
  });

  it("gives the cost of a trace's calls in order, each once", async () => {
    const org = randomBytesPooled(16);
    const traceId = randomBytesPooled(16);
    const records = calls(org, 3, (i) => ({
      at: BigInt(3 - i) * SECOND_US,
      intent: { traceId },
      completion: { costUsdMicros: BigInt(i + 1) },
    }));
    await ledger(records);
    await ledger(records);
    const { totalUsdMicros, entries } = await ledgerStore.traceCost(
      uuidToText(org),
      uuidToText(traceId),
      2,
    );
    expect(totalUsdMicros).toBe(6n);
    expect(entries.map(({ costUsdMicros }) => costUsdMicros)).toEqual([3n, 2n]);
    const other = await ledgerStore.traceCost(
      uuidToText(randomBytesPooled(16)),
      uuidToText(traceId),
      2,
    );
    expect(other).toEqual({ totalUsdMicros: 0n, entries: [] });
  });

  it("stores late records of many minutes in one batch", async () => {
    const org = randomBytesPooled(16);
    const records = calls(org, 240, (i) => ({ at: -BigInt(i) * 120n * SECOND_US }));
    const rows = records.map((record) => toLedgerRow(record, () => undefined));
    expect(touchedMinutes(rows)).toHaveLength(240);
    await ledger(records);
    expect((await summaryOf(org)).total.calls).toBe(240n);
  });
});
