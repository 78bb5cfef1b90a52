import { insertChange } from "@gatewayops/platform/changes/change-store.postgres";
import { Failure } from "@gatewayops/platform/errors";
import { CHANGE_TABLE } from "../changes/change-table.ts";
import { violatedConstraint, type Database } from "@gatewayops/platform/postgres/database";
import { pageOf } from "../page.ts";
import { changeOfServer, TOOLS_MAX, type ServerStore } from "./server-store.ts";
import type { McpServer } from "./server.ts";

export function createPostgresServerStore(database: Database): ServerStore {
  return {
    async create(orgId, server, changeId) {
      const change = changeOfServer(orgId, server.name, { changeId, time: server.createTime });
      try {
        await database.transaction(async (sql) => {
          await sql.query(
            "server create",
            `INSERT INTO mcp_servers (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
            [
              orgId,
              server.id,
              server.name,
              server.url,
              server.timeoutMs,
              server.enabled,
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
             updated_at = $6
           WHERE org_id = $1 AND name = $2 AND deleted_at IS NULL RETURNING ${COLUMNS}`,
          [orgId, name, edit.url ?? null, edit.timeoutMs ?? null, edit.enabled ?? null, edit.time],
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
    async registerTools(orgId, serverId, tools) {
      // Sorted, so that two gateways that register the same tools cannot wait for each other.
      const sorted = [...tools].sort((a, b) => (a.id < b.id ? -1 : 1));
      try {
        await database.query(
          "tools register",
          `INSERT INTO mcp_tools (org_id, server_id, tool_id, name)
           SELECT $1, $2, decode(id, 'hex'), name FROM unnest($3::text[], $4::text[]) AS t (id, name)
           ON CONFLICT (org_id, tool_id) DO NOTHING`,
          [orgId, serverId, sorted.map((tool) => tool.id), sorted.map((tool) => tool.name)],
        );
      } catch (error) {
        if (violatedConstraint(error) !== "mcp_tools_org_id_server_id_fkey") throw error;
        throw new Failure("SERVER_UNKNOWN", "The organisation has no such server.");
      }
    },
    async toolNames(orgId, serverId) {
      const rows = await database.query<{ name: string }>(
        "tool names list",
        `SELECT name FROM mcp_tools WHERE org_id = $1 AND server_id = $2
         ORDER BY name COLLATE "C" LIMIT $3`,
        [orgId, serverId, TOOLS_MAX],
      );
      return rows.map((row) => row.name);
    },
  };
}

type ServerRow = {
  org_id: string;
  id: string;
  name: string;
  url: string;
  timeout_ms: number;
  enabled: boolean;
  created_at: Date;
  updated_at: Date;
};

const COLUMNS = "org_id, id, name, url, timeout_ms, enabled, created_at, updated_at";

function serverFrom(row: ServerRow): McpServer {
  return {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    url: row.url,
    timeoutMs: row.timeout_ms,
    enabled: row.enabled,
    createTime: row.created_at,
    updateTime: row.updated_at,
  };
}
