import { gzipSync } from "node:zlib";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from "@clickhouse/client";

import { startClickHouse } from "../src/clickhouse.ts";
import type { EngineHandle } from "../src/engine.ts";
import { crash, createFixture, processExists } from "./engine-fixture.ts";

const fixture = createFixture();
const clients: ClickHouseClient[] = [];
let engine: EngineHandle;
let client: ClickHouseClient;

function connect(url: string, options: { database?: string; compression?: boolean } = {}) {
  const compression = {
    request: options.compression === true,
    response: options.compression === true,
  };
  const made = createClient({
    url,
    compression,
    log: { level: ClickHouseLogLevel.OFF },
    ...(options.database === undefined ? {} : { database: options.database }),
  });
  clients.push(made);
  return made;
}

/** The engine's default writes 64-bit integers as JSON numbers, which JavaScript rounds. */
const EXACT = { output_format_json_quote_64bit_integers: 1 } as const;

async function rowsOf(
  query: string,
  query_params: Record<string, unknown> = {},
): Promise<Record<string, unknown>[]> {
  const result = await client.query({
    query,
    query_params,
    format: "JSONEachRow",
    clickhouse_settings: EXACT,
  });
  return result.json();
}

beforeAll(async () => {
  engine = await fixture.start(startClickHouse(fixture.options("clickhouse")));
  client = connect(engine.url);
});
afterAll(async () => {
  await Promise.all(clients.map((each) => each.close()));
  await fixture.dispose();
});

describe("queries", () => {
  it("answers pings of both kinds", async () => {
    expect(await client.ping()).toEqual({ success: true });
    expect(await client.ping({ select: true })).toMatchObject({ success: true });
  });

  it("takes parameters of every common type", async () => {
    const parameters = {
      text: 'it\'s \\ "quoted"\n\ttäb {x} \u0000 ✓',
      integer: -42,
      big: 18446744073709551615n,
      float: 0.5,
      flag: true,
      nothing: null,
      time: new Date("2026-11-23T14:15:16.789Z"),
      day: "2026-11-23",
      id: "123e4567-e89b-42d3-a456-426614174000",
      money: "12345678901234.123456",
      texts: ["a'b", "c\\d", "e\nf", ""],
      numbers: [1, 2, 3],
      nested: [["x"], []],
      map: { "k'1": 1, k2: 2 },
      table: "numbers",
    };
    const [row] = await rowsOf(
      `SELECT {text:String} AS text, {integer:Int32} AS integer, {big:UInt64} AS big,
        {float:Float64} AS float, {flag:Bool} AS flag, {nothing:Nullable(String)} AS nothing,
        {time:DateTime64(3)} AS time, {day:Date} AS day, {id:UUID} AS id,
        {money:Decimal(38, 6)} AS money, {texts:Array(String)} AS texts,
        {numbers:Array(UInt32)} AS numbers, {nested:Array(Array(String))} AS nested,
        {map:Map(String, UInt8)} AS map,
        (SELECT count() FROM (SELECT * FROM system.{table:Identifier} LIMIT 3)) AS count`,
      parameters,
    );
    expect(row).toEqual({
      text: parameters.text,
      integer: -42,
      big: "18446744073709551615",
      float: 0.5,
      flag: true,
      nothing: null,
      time: "2026-11-23 14:15:16.789",
      day: "2026-11-23",
      id: parameters.id,
      money: 12345678901234.123,
      texts: parameters.texts,
      numbers: [1, 2, 3],
      nested: [["x"], []],
      map: { "k'1": 1, k2: 2 },
      count: "3",
    });
  });

  it("takes parameters in a form, as for those too long for a URL", async () => {
    const text = "y'".repeat(50_000);
    const result = await client.query({
      query: "SELECT length({text:String}) AS length",
      query_params: { text },
      format: "JSONEachRow",
      use_multipart_params: true,
    });
    expect(await result.json()).toEqual([{ length: 100_000 }]);
  });

  it("never mixes up parameters, settings or databases of simultaneous queries", async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const result = await client.query({
          query: "SELECT {n:UInt32} AS n, toUInt32(getSetting('max_block_size')) AS size",
          query_params: { n: index },
          clickhouse_settings: { max_block_size: String(1000 + index) },
          format: "JSONEachRow",
        });
        return (await result.json<{ n: number; size: number }>())[0];
      }),
    );
    expect(answers).toEqual(
      Array.from({ length: 100 }, (_, index) => ({ n: index, size: 1000 + index })),
    );
    await expect(rowsOf("SELECT {n:UInt32}")).rejects.toMatchObject({ code: "456" });
    await client.command({ query: "SET max_block_size = 77" });
    await client.command({ query: "CREATE DATABASE other" });
    await client.command({ query: "USE other" });
    const clean = await Promise.all(
      Array.from({ length: 8 }, () =>
        rowsOf("SELECT getSetting('max_block_size') = 77 AS set, currentDatabase() AS database"),
      ),
    );
    expect(clean.flat()).toEqual(
      Array.from({ length: 8 }, () => ({ set: 0, database: "default" })),
    );
  });

  it("streams 100,000 rows", async () => {
    const result = await client.query({
      query: "SELECT number, toString(number) AS text FROM numbers(100000)",
      format: "JSONEachRow",
    });
    let count = 0;
    let sum = 0;
    for await (const rows of result.stream<{ number: string; text: string }>()) {
      for (const row of rows) {
        const { number } = row.json();
        count += 1;
        sum += Number(number);
      }
    }
    expect([count, sum]).toEqual([100_000, 4_999_950_000]);
  });

  it("answers formats with header and footer in one document", async () => {
    const result = await client.query({
      query: "SELECT number FROM numbers(5000)",
      format: "JSON",
    });
    expect(await result.json()).toMatchObject({ rows: 5000, meta: [{ name: "number" }] });
    const csv = await client.query({
      query: "SELECT number FROM numbers(5000)",
      format: "CSVWithNames",
    });
    const lines = (await csv.text()).trim().split("\n");
    expect([lines.length, lines.filter((line) => line.includes("number")).length]).toEqual([
      5001, 1,
    ]);
  });

  it("compresses both ways when asked", async () => {
    const zipped = connect(engine.url, { compression: true });
    await zipped.command({ query: "CREATE TABLE zipped (id UInt32) ENGINE = Memory" });
    const values = Array.from({ length: 20_000 }, (_, id) => ({ id }));
    await zipped.insert({ table: "zipped", values, format: "JSONEachRow" });
    const result = await zipped.query({
      query: "SELECT id FROM zipped ORDER BY id",
      format: "JSONEachRow",
    });
    expect(await result.json()).toEqual(values);
    expect(result.response_headers["content-encoding"]).toBe("gzip");
  });

  it("still answers pings while every place is taken, and stops a query at its limit", async () => {
    const slow = Array.from({ length: 5 }, () =>
      client
        .query({
          query: "SELECT count() FROM system.numbers",
          clickhouse_settings: { max_execution_time: 1 },
        })
        .then(
          () => "ended",
          (error: unknown) => (error as { code?: string }).code,
        ),
    );
    const started = performance.now();
    expect(await client.ping()).toEqual({ success: true });
    expect(performance.now() - started).toBeLessThan(500);
    expect(await Promise.all(slow)).toEqual(["159", "159", "159", "159", "159"]);
  });
});

describe("errors", () => {
  it("carry ClickHouse's codes", async () => {
    await expect(rowsOf("SELECT * FROM nowhere")).rejects.toMatchObject({
      code: "60",
      type: "UNKNOWN_TABLE",
    });
    await expect(rowsOf("SELEC 1")).rejects.toMatchObject({ code: "62", type: "SYNTAX_ERROR" });
    await expect(client.command({ query: "DROP TABLE nowhere" })).rejects.toMatchObject({
      code: "60",
    });
    await expect(
      connect(engine.url, { database: "nowhere" }).command({ query: "SELECT 1" }),
    ).rejects.toMatchObject({ code: "81", type: "UNKNOWN_DATABASE" });
    await expect(
      client.query({ query: "SELECT 1", clickhouse_settings: { no_such_setting: "1" } }),
    ).rejects.toMatchObject({ code: "115" });
    await expect(client.query({ query: "SELECT 1", session_id: "s" })).rejects.toMatchObject({
      code: "48",
    });
  });

  it("have their HTTP status and header", async () => {
    const answer = await fetch(`${engine.url}/`, { method: "POST", body: "SELECT * FROM nowhere" });
    expect(answer.status).toBe(404);
    expect(answer.headers.get("x-clickhouse-exception-code")).toBe("60");
    expect(await answer.text()).toMatch(/^Code: 60\. DB::Exception: .*\(UNKNOWN_TABLE\)\n$/);
    const write = await fetch(`${engine.url}/?query=CREATE+TABLE+x+(a+Int8)+ENGINE=Memory`);
    expect([write.status, write.headers.get("x-clickhouse-exception-code")]).toEqual([403, "164"]);
  });

  it("reach the client in the middle of a stream", async () => {
    const result = await client.query({
      query: "SELECT throwIf(number = 900000), number FROM numbers(1000000)",
      format: "JSONEachRow",
    });
    const read = async () => {
      for await (const rows of result.stream()) expect(rows.length).toBeGreaterThan(0);
    };
    await expect(read()).rejects.toMatchObject({ code: "395" });
  });

  it("refuse a garbled compressed body and leave the server well", async () => {
    const url = `${engine.url}/?query=${encodeURIComponent("INSERT INTO zipped FORMAT JSONEachRow")}`;
    const headers = { "content-encoding": "gzip" };
    const garbled = await fetch(url, { method: "POST", headers, body: "not gzip" });
    expect(garbled.headers.get("x-clickhouse-exception-code")).toBe("354");
    const cut = gzipSync('{"id":1}').subarray(0, 12);
    const half = await fetch(url, { method: "POST", headers, body: new Uint8Array(cut) });
    expect(half.headers.get("x-clickhouse-exception-code")).toBe("354");
    expect(await client.ping()).toEqual({ success: true });
  });
});

describe("tables", () => {
  it("hold every type", async () => {
    await client.command({
      query: `CREATE TABLE types (
        id UUID, at DateTime64(6, 'UTC'), kind Enum8('a' = 1, 'b' = 2), name LowCardinality(String),
        money Decimal(38, 6), tags Array(String), attributes Map(LowCardinality(String), String),
        maybe Nullable(Int64), pair Tuple(x UInt8, y String), ip IPv6, doc JSON,
        variant Variant(UInt64, String), fixed FixedString(3), wide Int256
      ) ENGINE = MergeTree ORDER BY id`,
    });
    const row = {
      id: "123e4567-e89b-42d3-a456-426614174000",
      at: "2026-11-23 14:15:16.123456",
      kind: "b",
      name: "näme",
      money: "123456789012345678.000001",
      tags: ["x", "y'z"],
      attributes: { a: "1", "b.c": "\n" },
      maybe: null,
      pair: { x: 1, y: "two" },
      ip: "2001:db8::1",
      doc: { a: { b: ["1", "2"] } },
      variant: "text",
      fixed: "abc",
      wide: "57896044618658097711785492504343953926634992332820282019728792003956564819967",
    };
    await client.insert({ table: "types", values: [row], format: "JSONEachRow" });
    const result = await client.query({
      query: "SELECT * FROM types",
      format: "JSONEachRow",
      clickhouse_settings: {
        output_format_json_quote_decimals: 1,
        ...EXACT,
      },
    });
    expect(await result.json()).toEqual([row]);
  });

  it("take rows with settings, columns and binary formats", async () => {
    await client.command({
      query:
        "CREATE TABLE rows (id UInt64, at DateTime, text String) ENGINE = MergeTree ORDER BY id",
    });
    const inserted = await client.insert({
      table: "rows",
      values: [{ id: 1, at: "2026-11-23T14:15:16Z", text: "a", unknown: true }],
      format: "JSONEachRow",
      clickhouse_settings: {
        date_time_input_format: "best_effort",
        input_format_skip_unknown_fields: 1,
        async_insert: 1,
        wait_for_async_insert: 1,
      },
    });
    expect(inserted.summary).toMatchObject({ written_rows: "1" });
    await client.insert({
      table: "rows",
      columns: ["id"],
      values: [[2], [3]],
      format: "JSONCompactEachRow",
    });
    await client.insert({ table: "rows", values: [], format: "JSONEachRow" });
    await client.command({ query: "INSERT INTO rows VALUES (4, 0, 'four')" });
    // A row whose first byte is a line feed must not be taken for the end of the statement.
    const binary = Buffer.from([10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 10, 0, 39]);
    const url = `${engine.url}/?query=${encodeURIComponent("INSERT INTO rows FORMAT RowBinary")}`;
    const answer = await fetch(url, { method: "POST", body: new Uint8Array(binary) });
    expect(await answer.text()).toBe("");
    expect(
      await rowsOf("SELECT id, toUnixTimestamp(at) AS at, text FROM rows ORDER BY id"),
    ).toEqual([
      { id: "1", at: 1795443316, text: "a" },
      { id: "2", at: 0, text: "" },
      { id: "3", at: 0, text: "" },
      { id: "4", at: 0, text: "four" },
      { id: "10", at: 0, text: "\n\0'" },
    ]);
    await expect(
      client.insert({ table: "rows", values: [{ id: "x" }], format: "JSONEachRow" }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^\d+$/) });
  });

  it("replace rows under FINAL and feed materialized views", async () => {
    await client.command({
      query: `CREATE TABLE versions (id UInt32, version UInt32, text String)
        ENGINE = ReplacingMergeTree(version) ORDER BY id`,
    });
    await client.command({
      query: `CREATE MATERIALIZED VIEW per_id (id UInt32, count UInt64)
        ENGINE = SummingMergeTree ORDER BY id AS SELECT id, count() AS count FROM versions GROUP BY id`,
    });
    for (const version of [2, 3, 1]) {
      const values = [{ id: 1, version, text: `v${String(version)}` }];
      await client.insert({ table: "versions", values, format: "JSONEachRow" });
    }
    expect(await rowsOf("SELECT text FROM versions FINAL")).toEqual([{ text: "v3" }]);
    expect(await rowsOf("SELECT sum(count) AS count FROM per_id")).toEqual([{ count: "3" }]);
  });

  it("are merged in the background and lose rows past their TTL", async () => {
    await client.command({
      query: `CREATE TABLE merged (id UInt32, at DateTime) ENGINE = MergeTree ORDER BY id
        TTL at + INTERVAL 1 SECOND SETTINGS merge_with_ttl_timeout = 0`,
    });
    // Past their time already when they come, and kept until a merge takes them away.
    await client.command({ query: "SYSTEM STOP MERGES merged" });
    for (let id = 0; id < 20; id += 1) {
      await client.command({ query: `INSERT INTO merged VALUES (${String(id)}, now() - 60)` });
    }
    const left = () => rowsOf("SELECT count() AS count FROM merged");
    expect(await left()).toEqual([{ count: "20" }]);
    await client.command({ query: "SYSTEM START MERGES merged" });
    // Nothing tells of a merge: the engine is asked until it has happened, or the test's time is over.
    while ((await left())[0]?.["count"] !== "0");
  }, 60_000);
});

describe("the process", () => {
  it("loses no acknowledged insert over kill -9, and starts again at once", async () => {
    const options = fixture.options("durable");
    let acknowledged = 0;
    for (let round = 0; round < 3; round += 1) {
      const running = await fixture.start(startClickHouse(options));
      const own = connect(running.url);
      await own.command({
        query: "CREATE TABLE IF NOT EXISTS kept (id UInt32) ENGINE = MergeTree ORDER BY id",
      });
      for (let batch = 0; batch < 5; batch += 1) {
        const values = Array.from({ length: 100 }, () => ({ id: acknowledged++ }));
        await own.insert({ table: "kept", values, format: "JSONEachRow" });
      }
      await crash(running);
    }
    const last = await fixture.start(startClickHouse(options));
    const result = await connect(last.url).query({
      query: "SELECT count() AS count, uniqExact(id) AS ids FROM kept",
      format: "JSONEachRow",
      clickhouse_settings: EXACT,
    });
    expect(await result.json()).toEqual([
      { count: String(acknowledged), ids: String(acknowledged) },
    ]);
  }, 60_000);

  it("refuses a second process on the same directory, and a taken port", async () => {
    await expect(startClickHouse(fixture.options("clickhouse"))).rejects.toMatchObject({
      name: "EngineError",
      message: expect.stringContaining(`process ${String(engine.pid)}`),
    });
    const port = Number(new URL(engine.url).port);
    await expect(startClickHouse({ ...fixture.options("elsewhere"), port })).rejects.toMatchObject({
      message: expect.stringContaining(`port ${String(port)}`),
    });
  });

  it("finishes the running query on SIGTERM and leaves nothing behind", async () => {
    const running = await fixture.start(startClickHouse(fixture.options("stopping")));
    // Rows so large that the answer begins, which is what the promise waits for, long before the query ends.
    const query = await connect(running.url).query({
      query:
        "SELECT number, repeat('x', 200000) AS text, sleepEachRow(0.05) AS slept FROM numbers(40)",
      clickhouse_settings: { max_block_size: "1" },
      format: "JSONEachRow",
    });
    const stopped = running.stop();
    expect(await query.json()).toHaveLength(40);
    await stopped;
    expect(await running.exited).toEqual({ code: 0, signal: null });
    expect(processExists(running.pid)).toBe(false);
  });
});
