import { translatingPostgres } from "@gatewayops/platform/postgres/store-failure";
import type { Pool, PoolClient } from "pg";
import type { PriceRule, PriceStore } from "./price-store.ts";

export function createPostgresPriceStore(pool: Pool): PriceStore {
  return {
    replace: (orgId, rule) =>
      translatingPostgres(() =>
        inTransaction(pool, async (client) => {
          // Two that replace one rule wait for each other here, where the row of a first rule is not there to lock.
          await client.query(
            "SELECT pg_advisory_xact_lock(hashtextextended('price_rules ' || $1::text || ' ' || $2::text, 0))",
            [orgId, JSON.stringify([rule.server, rule.tool])],
          );
          await client.query(END_IN_FORCE, [orgId, rule.server, rule.tool]);
          const { rows } = await client.query<PriceRow>(INSERT, [
            orgId,
            rule.id,
            rule.server,
            rule.tool,
            String(rule.perCallUsdMicros),
          ]);
          const [row] = rows;
          if (!row) throw new Error("INSERT … RETURNING gave no row");
          return toPriceRule(row);
        }),
      ),
    list: (orgId, { after, limit }) =>
      translatingPostgres(async () => {
        const key = [after?.server ?? "", after?.tool ?? ""];
        const { rows } = await pool.query<PriceRow>(LIST, [orgId, ...key, limit]);
        return rows.map(toPriceRule);
      }),
    end: (orgId, id) =>
      translatingPostgres(async () => {
        const { rowCount } = await pool.query(END, [orgId, id]);
        return rowCount === 1;
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
  WHERE org_id = $1 AND id = $2`;

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

async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query("BEGIN");
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch((cause: unknown) => {
      broken = cause as Error;
    });
    throw error;
  } finally {
    // A connection that could not even roll back must not serve again.
    client.release(broken);
  }
}
