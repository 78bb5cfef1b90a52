import type { BudgetPeriod } from "@gatewayops/platform/budgets/budget-period";
import { insertChange } from "@gatewayops/platform/changes/change-store.postgres";
import { violatedConstraint, type Database } from "@gatewayops/platform/postgres/database";
import {
  BUDGETS_MAX,
  type Budget,
  type BudgetPosture,
  type BudgetScopeType,
  type OwnedBudget,
} from "./budget.ts";
import { BUDGET_CHANGES, changeOfBudgets } from "./budget-change.ts";
import { nameTaken, tooManyBudgets, type BudgetKey, type BudgetStore } from "./budget-store.ts";

export function createPostgresBudgetStore(
  database: Database,
  budgetsMax = BUDGETS_MAX,
): BudgetStore {
  return {
    create: (orgId, fresh, stamp) =>
      withFreeName(fresh.name, () =>
        database.transaction(async (sql) => {
          // Two that create the last one there may be wait for each other here.
          await sql.query(
            "budget lock",
            "SELECT pg_advisory_xact_lock(hashtextextended('budgets ' || $1::text, 0))",
            [orgId],
          );
          const [row] = await sql.query<BudgetRow>("budget create", INSERT, [
            orgId,
            fresh.id,
            fresh.name,
            fresh.scopeType,
            fresh.scopeId ?? null,
            String(fresh.amountUsdMicros),
            fresh.period,
            fresh.alertThresholds,
            fresh.enforceLimit,
            fresh.onUnavailable,
            stamp.time,
            budgetsMax,
          ]);
          if (!row) throw tooManyBudgets(budgetsMax);
          const change = changeOfBudgets(orgId, stamp);
          await insertChange(sql, BUDGET_CHANGES, change);
          return { budget: toBudget(row), change };
        }),
      ),
    async get(orgId, id) {
      const [row] = await database.query<BudgetRow>("budget get", GET, [orgId, id]);
      return row && toBudget(row);
    },
    async list(orgId, { after, limit }) {
      // Names are never empty, so the empty name comes before all.
      const values = [orgId, after ?? "", limit];
      const rows = await database.query<BudgetRow>("budgets list", LIST, values);
      return rows.map(toBudget);
    },
    update: (orgId, id, settings, stamp) =>
      withFreeName(settings.name, () =>
        database.transaction(async (sql) => {
          const [row] = await sql.query<BudgetRow>("budget update", UPDATE, [
            orgId,
            id,
            settings.name,
            String(settings.amountUsdMicros),
            settings.alertThresholds,
            settings.enforceLimit,
            settings.onUnavailable,
            stamp.time,
          ]);
          if (!row) return undefined;
          const change = changeOfBudgets(orgId, stamp);
          await insertChange(sql, BUDGET_CHANGES, change);
          return { budget: toBudget(row), change };
        }),
      ),
    delete: (orgId, id, stamp) =>
      database.transaction(async (sql) => {
        const rows = await sql.query("budget delete", DELETE, [orgId, id, stamp.time]);
        if (rows.length === 0) return undefined;
        const change = changeOfBudgets(orgId, stamp);
        await insertChange(sql, BUDGET_CHANGES, change);
        return change;
      }),
    async book(orgId) {
      const rows = await database.query<BudgetRow>("budgets book", BOOK, [orgId, budgetsMax]);
      return rows.map(toBudget);
    },
    all: (after, limit) => walk("budgets of all", ALL, after, limit),
    enforced: (after, limit) => walk("budgets enforced", ENFORCED, after, limit),
  };

  async function walk(
    purpose: string,
    statement: string,
    after: BudgetKey | undefined,
    limit: number,
  ): Promise<OwnedBudget[]> {
    const rows = await database.query<BudgetRow & { org_id: string }>(purpose, statement, [
      after?.orgId ?? NIL_UUID,
      after?.id ?? NIL_UUID,
      limit,
    ]);
    return rows.map((row) => ({ orgId: row.org_id, budget: toBudget(row) }));
  }
}

/** Comes before all ids. */
const NIL_UUID = "00000000-0000-0000-0000-000000000000";

const COLUMNS = `id, name, scope_type, scope_id, amount_usd_micros, period, alert_thresholds, enforce_limit,
  on_unavailable, create_time, update_time`;

const INSERT = `
  INSERT INTO budgets (org_id, id, name, scope_type, scope_id, amount_usd_micros, period, alert_thresholds,
    enforce_limit, on_unavailable, create_time, update_time)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11
  WHERE (SELECT count(*) FROM budgets WHERE org_id = $1 AND delete_time IS NULL) < $12
  RETURNING ${COLUMNS}`;

const GET = `SELECT ${COLUMNS} FROM budgets WHERE org_id = $1 AND id = $2 AND delete_time IS NULL`;

const LIST = `
  SELECT ${COLUMNS} FROM budgets
  WHERE org_id = $1 AND delete_time IS NULL AND name COLLATE "C" > $2
  ORDER BY name COLLATE "C"
  LIMIT $3`;

const UPDATE = `
  UPDATE budgets
  SET name = $3, amount_usd_micros = $4, alert_thresholds = $5, enforce_limit = $6, on_unavailable = $7,
    update_time = $8
  WHERE org_id = $1 AND id = $2 AND delete_time IS NULL
  RETURNING ${COLUMNS}`;

const DELETE = `
  UPDATE budgets SET delete_time = coalesce(delete_time, $3)
  WHERE org_id = $1 AND id = $2
  RETURNING id`;

const BOOK = `
  SELECT ${COLUMNS} FROM budgets WHERE org_id = $1 AND delete_time IS NULL ORDER BY id LIMIT $2`;

const ALL = `
  SELECT org_id, ${COLUMNS} FROM budgets
  WHERE (org_id, id) > ($1, $2) AND delete_time IS NULL
  ORDER BY org_id, id
  LIMIT $3`;

const ENFORCED = `
  SELECT org_id, ${COLUMNS} FROM budgets
  WHERE (org_id, id) > ($1, $2) AND enforce_limit AND delete_time IS NULL
  ORDER BY org_id, id
  LIMIT $3`;

async function withFreeName<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (violatedConstraint(error) === "budgets_name") throw nameTaken(name);
    throw error;
  }
}

// The table's checks leave no other texts.
type BudgetRow = {
  id: string;
  name: string;
  scope_type: BudgetScopeType;
  scope_id: string | null;
  amount_usd_micros: string;
  period: BudgetPeriod;
  alert_thresholds: number[];
  enforce_limit: boolean;
  on_unavailable: BudgetPosture;
  create_time: Date;
  update_time: Date;
};

function toBudget(row: BudgetRow): Budget {
  return {
    id: row.id,
    name: row.name,
    scopeType: row.scope_type,
    scopeId: row.scope_id ?? undefined,
    amountUsdMicros: BigInt(row.amount_usd_micros),
    period: row.period,
    alertThresholds: row.alert_thresholds,
    enforceLimit: row.enforce_limit,
    onUnavailable: row.on_unavailable,
    createTime: row.create_time,
    updateTime: row.update_time,
  };
}
