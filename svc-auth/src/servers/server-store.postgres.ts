import { insertChange } from "@gatewayops/platform/changes/change-store.postgres";
import { Failure } from "@gatewayops/platform/errors";
import { CHANGE_TABLE } from "../changes/change-table.ts";
import { violatedConstraint, type Database } from "@gatewayops/platform/postgres/database";
import { pageOf } from "../page.ts";
import { changeOfServer, type ServerStore } from "./server-store.ts";
import { NO_SETTINGS, type ServerSettings } from "./server-settings.ts";
import type { McpServer } from "./server.ts";

export function createPostgresServerStore(database: Database): ServerStore {
  return {
    async create(orgId, server, changeId) {
      const change = changeOfServer(orgId, server.name, { changeId, time: server.createTime });
      try {
        await database.transaction(async (sql) => {
          await sql.query(
            "server create",
            `INSERT INTO mcp_servers (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
            [
              orgId,
              server.id,
              server.name,
              server.url,
              server.timeoutMs,
              server.enabled,
              JSON.stringify(server.settings),
              server.createTime,
              server.updateTime,
            ],
          );
          await insertChange(sql, CHANGE_TABLE, change);
        });
      } catch (error) {
        if (violatedConstraint(error) !== "mcp_servers_name") throw error;
        throw new Failure("ALREADY_EXISTS", `A server named ${server.name} exists.`);
      }
      return change;
    },
    async get(orgId, name) {
      const [row] = await database.query<ServerRow>(
        "server get",
        `SELECT ${COLUMNS} FROM mcp_servers WHERE org_id = $1 AND name = $2 AND deleted_at IS NULL`,
        [orgId, name],
      );
      return row && serverFrom(row);
    },
    async enabled(orgId, limit) {
      const rows = await database.query<ServerRow>(
        "servers enabled",
        `SELECT ${COLUMNS} FROM mcp_servers WHERE org_id = $1 AND enabled AND deleted_at IS NULL
         ORDER BY name COLLATE "C" LIMIT $2`,
        [orgId, limit],
      );
      return rows.map(serverFrom);
    },
    async list(orgId, page) {
      const rows = await database.query<ServerRow>(
        "servers list",
        `SELECT ${COLUMNS} FROM mcp_servers
         WHERE org_id = $1 AND deleted_at IS NULL AND ($2::text IS NULL OR name COLLATE "C" > $2)
         ORDER BY name COLLATE "C" LIMIT $3`,
        [orgId, page.after?.[0] ?? null, page.limit + 1],
      );
      return pageOf(rows.map(serverFrom), page.limit, (server) => [server.name]);
    },
    update: (orgId, name, edit) =>
      database.transaction(async (sql) => {
        const [row] = await sql.query<ServerRow>(
          "server update",
          `UPDATE mcp_servers
           SET url = COALESCE($3, url), timeout_ms = COALESCE($4, timeout_ms), enabled = COALESCE($5, enabled),
             settings = COALESCE($6, settings), updated_at = $7
           WHERE org_id = $1 AND name = $2 AND deleted_at IS NULL RETURNING ${COLUMNS}`,
          [
            orgId,
            name,
            edit.url ?? null,
            edit.timeoutMs ?? null,
            edit.enabled ?? null,
            edit.settings === undefined ? null : JSON.stringify(edit.settings),
            edit.time,
          ],
        );
        if (!row) return undefined;
        const change = changeOfServer(orgId, name, edit);
        await insertChange(sql, CHANGE_TABLE, change);
        return { server: serverFrom(row), change };
      }),
    remove: (orgId, name, stamp) =>
      database.transaction(async (sql) => {
        const rows = await sql.query(
          "server remove",
          `UPDATE mcp_servers SET deleted_at = $3, updated_at = $3
           WHERE org_id = $1 AND name = $2 AND deleted_at IS NULL RETURNING id`,
          [orgId, name, stamp.time],
        );
        if (rows.length === 0) return undefined;
        const change = changeOfServer(orgId, name, stamp);
        await insertChange(sql, CHANGE_TABLE, change);
        return change;
      }),
  };
}

type ServerRow = {
  org_id: string;
  id: string;
  name: string;
  url: string;
  timeout_ms: number;
  enabled: boolean;
  settings: Partial<ServerSettings>;
  created_at: Date;
  updated_at: Date;
};

const COLUMNS = "org_id, id, name, url, timeout_ms, enabled, settings, created_at, updated_at";

function serverFrom(row: ServerRow): McpServer {
  return {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    url: row.url,
    timeoutMs: row.timeout_ms,
    enabled: row.enabled,
    settings: { ...NO_SETTINGS, ...row.settings },
    createTime: row.created_at,
    updateTime: row.updated_at,
  };
}
