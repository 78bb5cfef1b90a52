import type { Database } from "@gatewayops/platform/postgres/database";
import type { BudgetThresholdReached } from "@gatewayops/platform/streams/admin-events";
import type { CrossingStore } from "./crossing-store.ts";

export function createPostgresCrossingStore(database: Database): CrossingStore {
  return {
    async record(orgId, event) {
      const rows = await database.query("crossing record", RECORD, [
        ...keyOf(orgId, event),
        JSON.stringify(event),
      ]);
      return rows.length > 0;
    },
    async untold(limit) {
      const rows = await database.query<{ event: BudgetThresholdReached }>(
        "crossings untold",
        UNTOLD,
        [limit],
      );
      return rows.map(({ event }) => event);
    },
    async markTold(orgId, event, time) {
      await database.query("crossing told", MARK_TOLD, [...keyOf(orgId, event), time]);
    },
    async forget(before) {
      await database.query("crossings forget", FORGET, [before]);
    },
  };
}

const RECORD = `
  INSERT INTO budget_crossings (org_id, budget_id, period_start, threshold, event)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT DO NOTHING
  RETURNING threshold`;

const UNTOLD = `
  SELECT event FROM budget_crossings WHERE told_time IS NULL ORDER BY period_start LIMIT $1`;

const MARK_TOLD = `
  UPDATE budget_crossings SET told_time = $5
  WHERE org_id = $1 AND budget_id = $2 AND period_start = $3 AND threshold = $4`;

const FORGET = `DELETE FROM budget_crossings WHERE told_time IS NOT NULL AND period_start < $1`;

function keyOf(orgId: string, event: BudgetThresholdReached): (string | number)[] {
  return [orgId, event.budgetId, event.periodStart, event.threshold];
}
