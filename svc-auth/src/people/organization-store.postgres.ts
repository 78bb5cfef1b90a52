import { insertChange } from "@gatewayops/platform/changes/change-store.postgres";
import type { Database } from "@gatewayops/platform/postgres/database";
import type { PolicyMode } from "../access/policy-mode.ts";
import { CHANGE_TABLE } from "../changes/change-table.ts";
import { changeOfOrganization, type OrganizationStore } from "./organization-store.ts";
import { TRACE_RETENTION_DAYS, type ListMode, type Organization } from "./organization.ts";

export function createPostgresOrganizationStore(database: Database): OrganizationStore {
  return {
    async get(orgId) {
      const [row] = await database.query<OrganizationRow>(
        "organization get",
        `SELECT ${COLUMNS} FROM organizations WHERE id = $1`,
        [orgId],
      );
      return row && organizationFrom(row);
    },
    async ensure(fresh) {
      await database.query(
        "organization ensure",
        `INSERT INTO organizations (id, name, slug, rate_rps, rate_burst, rate_mode, list_mode, time_zone, settings,
           created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, jsonb_build_object('trace_retention_days', $9::int), $10, $10)
         ON CONFLICT (slug) DO NOTHING`,
        [
          fresh.id,
          fresh.name,
          fresh.slug,
          fresh.rateLimit.rps,
          fresh.rateLimit.burst,
          fresh.rateLimit.mode,
          fresh.listMode,
          fresh.timeZone,
          fresh.traceRetentionDays,
          fresh.createTime,
        ],
      );
      const [row] = await database.query<OrganizationRow>(
        "organization ensure",
        `SELECT ${COLUMNS} FROM organizations WHERE slug = $1`,
        [fresh.slug],
      );
      if (!row) throw new Error("the organisation vanished");
      return organizationFrom(row);
    },
    update: (orgId, edit) =>
      database.transaction(async (sql) => {
        const [row] = await sql.query<OrganizationRow>(
          "organization update",
          `UPDATE organizations
           SET rate_rps = COALESCE($2, rate_rps), rate_burst = COALESCE($3, rate_burst),
             rate_mode = COALESCE($4, rate_mode), list_mode = COALESCE($5, list_mode),
             time_zone = COALESCE($6, time_zone), updated_at = $7,
             settings = settings || jsonb_strip_nulls(jsonb_build_object('trace_retention_days', $8::int))
           WHERE id = $1 RETURNING ${COLUMNS}`,
          [
            orgId,
            edit.rateLimit?.rps ?? null,
            edit.rateLimit?.burst ?? null,
            edit.rateLimit?.mode ?? null,
            edit.listMode ?? null,
            edit.timeZone ?? null,
            edit.time,
            edit.traceRetentionDays ?? null,
          ],
        );
        if (!row) return undefined;
        const change = changeOfOrganization(orgId, edit);
        await insertChange(sql, CHANGE_TABLE, change);
        return { organization: organizationFrom(row), change };
      }),
  };
}

type OrganizationRow = {
  id: string;
  name: string;
  slug: string;
  rate_rps: number;
  rate_burst: number;
  rate_mode: PolicyMode;
  list_mode: ListMode;
  time_zone: string;
  trace_retention_days: number | null;
  created_at: Date;
};

const COLUMNS = `id, name, slug, rate_rps, rate_burst, rate_mode, list_mode, time_zone,
  (settings->>'trace_retention_days')::int AS trace_retention_days, created_at`;

function organizationFrom(row: OrganizationRow): Organization {
  return {
    id: row.id,
    name: row.name,
    slug: row.slug,
    rateLimit: { rps: row.rate_rps, burst: row.rate_burst, mode: row.rate_mode },
    listMode: row.list_mode,
    timeZone: row.time_zone,
    traceRetentionDays: row.trace_retention_days ?? TRACE_RETENTION_DAYS,
    createTime: row.created_at,
  };
}
