import { insertChange } from "@gatewayops/platform/changes/change-store.postgres";
import type { Database } from "@gatewayops/platform/postgres/database";
import { changeOfPrices, PRICE_CHANGES } from "./price-change.ts";
import type { PriceRule, PriceStore } from "./price-store.ts";

export function createPostgresPriceStore(database: Database): PriceStore {
  return {
    replace: (orgId, rule, stamp) =>
      database.transaction(async (sql) => {
        // Two that replace one rule wait for each other here, where the row of a first rule is not there to lock.
        await sql.query(
          "price rule lock",
          "SELECT pg_advisory_xact_lock(hashtextextended('price_rules ' || $1::text || ' ' || $2::text, 0))",
          [orgId, JSON.stringify([rule.server, rule.tool])],
        );
        await sql.query("price rule replace", END_IN_FORCE, [orgId, rule.server, rule.tool]);
        const [row] = await sql.query<PriceRow>("price rule create", INSERT, [
          orgId,
          rule.id,
          rule.server,
          rule.tool,
          String(rule.perCallUsdMicros),
        ]);
        if (!row) throw new Error("INSERT … RETURNING gave no row");
        const change = changeOfPrices(orgId, stamp);
        await insertChange(sql, PRICE_CHANGES, change);
        return { rule: toPriceRule(row), change };
      }),
    async list(orgId, { after, limit }) {
      const key = [after?.server ?? "", after?.tool ?? ""];
      const rows = await database.query<PriceRow>("price rules list", LIST, [orgId, ...key, limit]);
      return rows.map(toPriceRule);
    },
    end: (orgId, id, stamp) =>
      database.transaction(async (sql) => {
        const rows = await sql.query("price rule end", END, [orgId, id]);
        if (rows.length === 0) return undefined;
        const change = changeOfPrices(orgId, stamp);
        await insertChange(sql, PRICE_CHANGES, change);
        return change;
      }),
  };
}

const END_IN_FORCE = `
  UPDATE price_rules SET end_time = now()
  WHERE org_id = $1 AND server = $2 AND tool = $3 AND end_time IS NULL`;

const INSERT = `
  INSERT INTO price_rules (org_id, id, server, tool, per_call_usd_micros)
  VALUES ($1, $2, $3, $4, $5)
  RETURNING id, server, tool, per_call_usd_micros, create_time`;

// Names are never empty, so the empty key comes before all.
const LIST = `
  SELECT id, server, tool, per_call_usd_micros, create_time
  FROM price_rules
  WHERE org_id = $1 AND end_time IS NULL
    AND (server COLLATE "C", tool COLLATE "C") > ($2, $3)
  ORDER BY server COLLATE "C", tool COLLATE "C"
  LIMIT $4`;

const END = `
  UPDATE price_rules SET end_time = coalesce(end_time, now())
  WHERE org_id = $1 AND id = $2
  RETURNING id`;

type PriceRow = {
  id: string;
  server: string;
  tool: string;
  per_call_usd_micros: string;
  create_time: Date;
};

function toPriceRule(row: PriceRow): PriceRule {
  return {
    id: row.id,
    server: row.server,
    tool: row.tool,
    perCallUsdMicros: BigInt(row.per_call_usd_micros),
    createTime: row.create_time,
  };
}
