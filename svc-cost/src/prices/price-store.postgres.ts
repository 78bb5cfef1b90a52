import { insertChange } from "@gatewayops/platform/changes/change-store.postgres";
import type { Database, Sql } from "@gatewayops/platform/postgres/database";
import { changeOfPrices, PRICE_CHANGES } from "./price-change.ts";
import type { PricedCalls, PriceRule } from "./price-rule.ts";
import { RULES_MAX, type PriceStore } from "./price-store.ts";
import { tooManyRules } from "./too-many-rules.ts";

export function createPostgresPriceStore(database: Database): PriceStore {
  return {
    replace: (orgId, rule, stamp) =>
      database.transaction(async (sql) => {
        await lock(sql, orgId, rule);
        const [counted] = await sql.query<{ rules: string }>("price rules count", COUNT, [orgId]);
        if (Number(counted?.rules) >= RULES_MAX) throw tooManyRules();
        const { now, from } = await timesOf(sql, rule.effectiveTime);
        const key = [orgId, rule.server, rule.tool, rule.operation];
        await sql.query("price rule replace", END_AT, [...key, from]);
        const [row] = await sql.query<PriceRow>("price rule create", INSERT, [
          ...key,
          from,
          now,
          rule.id,
          ...[
            rule.perCallUsdMicros,
            rule.perKbInUsdMicros,
            rule.perKbOutUsdMicros,
            rule.per1kInputTokensUsdMicros,
            rule.per1kOutputTokensUsdMicros,
            rule.perSecondUsdMicros,
            rule.maxPerCallUsdMicros,
          ].map(String),
          rule.honourReported,
        ]);
        if (!row) throw new Error("INSERT … RETURNING gave no row");
        const change = changeOfPrices(orgId, stamp);
        await insertChange(sql, PRICE_CHANGES, change);
        return { rule: toPriceRule(row), change };
      }),
    async list(orgId, { after, limit, includeEnded }) {
      const rows = await database.query<PriceRow>("price rules list", LIST, [
        orgId,
        ...(after ? [after.server, after.tool, after.operation, after.id] : FIRST),
        limit,
        includeEnded,
      ]);
      return rows.map(toPriceRule);
    },
    async book(orgId) {
      const rows = await database.query<BookRow>("price book", BOOK, [orgId]);
      const [first] = rows;
      if (!first) throw new Error("the statement gives a row at least, for the time");
      const readTime = first.read_time;
      return { readTime, rules: rows.filter(isRule).map(toPriceRule) };
    },
    end: (orgId, id, stamp) =>
      database.transaction(async (sql) => {
        const [known] = await sql.query<PricedCalls & { id: string }>("price rule find", FIND, [
          ...[orgId, id],
        ]);
        if (!known) return undefined;
        await lock(sql, orgId, known);
        const { now } = await timesOf(sql, undefined);
        const [ended] = await sql.query<EndedRow>("price rule end", END, [orgId, id, now]);
        if (ended?.is_to_come === true)
          await sql.query("price rule withdraw", CONTINUE_BEFORE, [
            ...[orgId, known.server, known.tool, known.operation],
            ...[ended.effective_time, ended.end_before],
          ]);
        const change = changeOfPrices(orgId, stamp);
        await insertChange(sql, PRICE_CHANGES, change);
        return change;
      }),
  };
}

/** Those who change one rule wait for each other here, where the row of a first rule is not there to lock. */
async function lock(
  sql: Sql,
  orgId: string,
  { server, tool, operation }: PricedCalls,
): Promise<void> {
  await sql.query(
    "price rule lock",
    "SELECT pg_advisory_xact_lock(hashtextextended('price_rules ' || $1::text || ' ' || $2::text, 0))",
    [orgId, JSON.stringify([server, tool, operation])],
  );
}

/**
 * The time now, and when a rule of a time begins, as text: to the microsecond. By the database's clock, read under the
 * lock, so that rules follow each other whichever process makes them.
 */
async function timesOf(
  sql: Sql,
  effectiveTime: Date | undefined,
): Promise<{ now: string; from: string }> {
  const [times] = await sql.query<{ now: string; from: string }>(
    "price rule time",
    `SELECT t::text AS now, greatest(t, $1::timestamptz)::text AS from FROM (SELECT clock_timestamp() AS t) AS clock`,
    [effectiveTime ?? null],
  );
  if (!times) throw new Error("SELECT gave no row");
  return times;
}

const COLUMNS = `id, server, tool, operation, per_call_usd_micros, per_kb_in_usd_micros, per_kb_out_usd_micros,
  per_1k_input_tokens_usd_micros, per_1k_output_tokens_usd_micros, per_second_usd_micros, max_per_call_usd_micros,
  honour_reported, create_time, effective_time, end_time`;

const OF_KEY = `org_id = $1 AND server COLLATE "C" = $2 AND tool COLLATE "C" = $3 AND operation COLLATE "C" = $4`;
const IS_LIVE = "(end_time IS NULL OR end_time > greatest(effective_time, clock_timestamp()))";

const COUNT = `SELECT count(*) AS rules FROM price_rules WHERE org_id = $1 AND ${IS_LIVE}`;

// A rule that was made for at once has begun, should the clock have been set back since.
const END_AT = `
  UPDATE price_rules SET end_time = greatest(effective_time, $5::timestamptz)
  WHERE ${OF_KEY} AND (end_time IS NULL OR end_time > $5::timestamptz)
    AND (effective_time <= $5::timestamptz OR effective_time <= create_time)`;

// It ends when the next one to come begins.
const INSERT = `
  INSERT INTO price_rules (org_id, server, tool, operation, effective_time, create_time, id, per_call_usd_micros,
    per_kb_in_usd_micros, per_kb_out_usd_micros, per_1k_input_tokens_usd_micros, per_1k_output_tokens_usd_micros,
    per_second_usd_micros, max_per_call_usd_micros, honour_reported, end_time)
  VALUES ($1, $2, $3, $4, $5::timestamptz, $6::timestamptz, $7, $8, $9, $10, $11, $12, $13, $14, $15, (
    SELECT min(effective_time) FROM price_rules
    WHERE ${OF_KEY} AND effective_time > $5::timestamptz AND effective_time > create_time
      AND (end_time IS NULL OR end_time > effective_time)))
  RETURNING ${COLUMNS}`;

const FIRST = ["", "", "", "00000000-0000-0000-0000-000000000000"];

// Names are never empty, so the empty key comes before all.
const LIST = `
  SELECT ${COLUMNS}
  FROM price_rules
  WHERE org_id = $1 AND ($7::boolean OR ${IS_LIVE})
    AND (server COLLATE "C", tool COLLATE "C", operation COLLATE "C", id) > ($2, $3, $4, $5::uuid)
  ORDER BY server COLLATE "C", tool COLLATE "C", operation COLLATE "C", id
  LIMIT $6`;

// One statement, so that no change falls between the time and the rules.
const BOOK = `
  SELECT read_time, ${COLUMNS}
  FROM (SELECT clock_timestamp() AS read_time) AS clock
  LEFT JOIN price_rules ON org_id = $1 AND ${IS_LIVE}`;

const FIND = "SELECT id, server, tool, operation FROM price_rules WHERE org_id = $1 AND id = $2";

// Of a rule that has ended nothing is changed.
const END = `
  UPDATE price_rules AS rule SET end_time = greatest(rule.effective_time, $3::timestamptz)
  FROM price_rules AS before
  WHERE rule.org_id = $1 AND rule.id = $2 AND before.org_id = rule.org_id AND before.id = rule.id
    AND (rule.end_time IS NULL OR rule.end_time > greatest(rule.effective_time, $3::timestamptz))
  RETURNING rule.effective_time::text AS effective_time, before.end_time::text AS end_before,
    rule.effective_time > $3::timestamptz AND rule.effective_time > rule.create_time AS is_to_come`;

const CONTINUE_BEFORE = `
  UPDATE price_rules SET end_time = $6::timestamptz
  WHERE ${OF_KEY} AND end_time = $5::timestamptz AND effective_time < $5::timestamptz`;

type EndedRow = { effective_time: string; end_before: string | null; is_to_come: boolean };

type PriceRow = {
  id: string;
  server: string;
  tool: string;
  operation: string;
  per_call_usd_micros: string;
  per_kb_in_usd_micros: string;
  per_kb_out_usd_micros: string;
  per_1k_input_tokens_usd_micros: string;
  per_1k_output_tokens_usd_micros: string;
  per_second_usd_micros: string;
  max_per_call_usd_micros: string;
  honour_reported: boolean;
  create_time: Date;
  effective_time: Date;
  end_time: Date | null;
};

/** A rule and when it was read; without rules the time alone. */
type BookRow = (PriceRow | { [Column in keyof PriceRow]: null }) & { read_time: Date };

function isRule(row: BookRow): row is PriceRow & { read_time: Date } {
  return row.id !== null;
}

function toPriceRule(row: PriceRow): PriceRule {
  const perCallUsdMicros = BigInt(row.per_call_usd_micros);
  const max = BigInt(row.max_per_call_usd_micros);
  return {
    id: row.id,
    server: row.server,
    tool: row.tool,
    operation: row.operation,
    perCallUsdMicros,
    perKbInUsdMicros: BigInt(row.per_kb_in_usd_micros),
    perKbOutUsdMicros: BigInt(row.per_kb_out_usd_micros),
    per1kInputTokensUsdMicros: BigInt(row.per_1k_input_tokens_usd_micros),
    per1kOutputTokensUsdMicros: BigInt(row.per_1k_output_tokens_usd_micros),
    perSecondUsdMicros: BigInt(row.per_second_usd_micros),
    maxPerCallUsdMicros: max === 0n ? perCallUsdMicros : max,
    honourReported: row.honour_reported,
    createTime: row.create_time,
    effectiveTime: row.effective_time,
    endTime: row.end_time ?? undefined,
  };
}
