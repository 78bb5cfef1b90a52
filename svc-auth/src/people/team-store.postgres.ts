import { insertChange } from "@gatewayops/platform/changes/change-store.postgres";
import { Failure } from "@gatewayops/platform/errors";
import { violatedConstraint, type Database } from "@gatewayops/platform/postgres/database";
import { NO_ACCESS, type AccessScopes } from "../access/access-scopes.ts";
import type { PolicyMode } from "../access/policy-mode.ts";
import { CHANGE_TABLE } from "../changes/change-table.ts";
import { pageOf } from "../page.ts";
import type { Team } from "./organization.ts";
import { changeOfTeam, type TeamStore } from "./team-store.ts";

export function createPostgresTeamStore(database: Database): TeamStore {
  return {
    async get(orgId, teamId) {
      const [row] = await database.query<TeamRow>(
        "team get",
        `SELECT ${COLUMNS} FROM teams WHERE org_id = $1 AND id = $2`,
        [orgId, teamId],
      );
      return row && teamFrom(row);
    },
    async create(orgId, team) {
      try {
        await database.query("team create", INSERT, valuesOf(orgId, team));
      } catch (error) {
        if (violatedConstraint(error) !== "teams_slug") throw error;
        throw new Failure("ALREADY_EXISTS", `A team with the slug ${team.slug} exists.`);
      }
      return team;
    },
    async ensure(orgId, fresh) {
      await database.query(
        "team ensure",
        `${INSERT} ON CONFLICT (org_id, slug) DO NOTHING`,
        valuesOf(orgId, fresh),
      );
      const [row] = await database.query<TeamRow>(
        "team ensure",
        `SELECT ${COLUMNS} FROM teams WHERE org_id = $1 AND slug = $2`,
        [orgId, fresh.slug],
      );
      if (!row) throw new Error("the team vanished");
      return teamFrom(row);
    },
    update: (orgId, teamId, edit) =>
      database.transaction(async (sql) => {
        const [row] = await sql.query<TeamRow>(
          "team update",
          `UPDATE teams
           SET name = COALESCE($3, name), rate_rps = COALESCE($4, rate_rps), rate_burst = COALESCE($5, rate_burst),
             rate_mode = COALESCE($6, rate_mode), scopes = COALESCE($7, scopes)
           WHERE org_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
          [
            orgId,
            teamId,
            edit.name ?? null,
            edit.rateLimit?.rps ?? null,
            edit.rateLimit?.burst ?? null,
            edit.rateLimit?.mode ?? null,
            edit.scopes === undefined ? null : JSON.stringify(edit.scopes),
          ],
        );
        if (!row) return undefined;
        const change = changeOfTeam(orgId, teamId, edit);
        await insertChange(sql, CHANGE_TABLE, change);
        return { team: teamFrom(row), change };
      }),
    async list(orgId, page) {
      const [name, id] = page.after ?? [];
      const rows = await database.query<TeamRow>(
        "teams list",
        `SELECT ${COLUMNS} FROM teams
         WHERE org_id = $1 AND ($2::text IS NULL OR (name COLLATE "C", id) > ($2, $3::uuid))
         ORDER BY name COLLATE "C", id LIMIT $4`,
        [orgId, name ?? null, id ?? null, page.limit + 1],
      );
      return pageOf(rows.map(teamFrom), page.limit, (team) => [team.name, team.id]);
    },
    async setMember(orgId, member) {
      await database.query(
        "team member set",
        `INSERT INTO team_memberships (org_id, user_id, team_id, role, created_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org_id, user_id, team_id) DO UPDATE SET role = excluded.role`,
        [orgId, member.userId, member.teamId, member.role, member.createTime],
      );
    },
    async isMember(orgId, teamId, userId) {
      const rows = await database.query(
        "team member get",
        "SELECT 1 FROM team_memberships WHERE org_id = $1 AND user_id = $2 AND team_id = $3",
        [orgId, userId, teamId],
      );
      return rows.length > 0;
    },
  };
}

type TeamRow = {
  org_id: string;
  id: string;
  name: string;
  slug: string;
  rate_rps: number;
  rate_burst: number;
  rate_mode: PolicyMode;
  scopes: Partial<AccessScopes> | null;
  created_at: Date;
};

const COLUMNS = "org_id, id, name, slug, rate_rps, rate_burst, rate_mode, scopes, created_at";
const INSERT = `INSERT INTO teams (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`;

function valuesOf(orgId: string, team: Team): unknown[] {
  const { rps, burst, mode } = team.rateLimit;
  const scopes = team.scopes === undefined ? null : JSON.stringify(team.scopes);
  return [orgId, team.id, team.name, team.slug, rps, burst, mode, scopes, team.createTime];
}

function teamFrom(row: TeamRow): Team {
  return {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    slug: row.slug,
    rateLimit: { rps: row.rate_rps, burst: row.rate_burst, mode: row.rate_mode },
    scopes: row.scopes === null ? undefined : { ...NO_ACCESS, ...row.scopes },
    createTime: row.created_at,
  };
}
