import { insertChange } from "@gatewayops/platform/changes/change-store.postgres";
import { Failure } from "@gatewayops/platform/errors";
import type { Database, Sql } from "@gatewayops/platform/postgres/database";
import { CHANGE_TABLE } from "../changes/change-table.ts";
import { pageOf } from "../page.ts";
import { changeOfServer } from "./server-store.ts";
import {
  changeOfDefinitions,
  DEFINITIONS_MAX,
  SEEN_LAG_MS,
  TOOLS_MAX,
  type ListedTool,
  type Tool,
  type ToolName,
  type ToolStore,
} from "./tool-store.ts";

export function createPostgresToolStore(database: Database): ToolStore {
  return {
    async known(orgId, serverId) {
      const rows = await database.query<ToolRow>(
        "tools known",
        `SELECT ${COLUMNS} FROM mcp_tools WHERE org_id = $1 AND server_id = $2
         ORDER BY ${KNOWN_FIRST} LIMIT $3`,
        [orgId, serverId, TOOLS_MAX],
      );
      return rows.map(toolFrom);
    },
    async knownOfServers(orgId, serverIds) {
      // Of each server by itself, so that one with very many tools takes no place of another's.
      const rows = await database.query<ToolRow & { server_id: string }>(
        "tools known of servers",
        `SELECT s.id AS server_id, t.*
         FROM unnest($2::uuid[]) AS s (id)
         CROSS JOIN LATERAL (
           SELECT ${COLUMNS}, row_number() OVER (ORDER BY ${KNOWN_FIRST}) AS place
           FROM mcp_tools WHERE org_id = $1 AND server_id = s.id
           ORDER BY ${KNOWN_FIRST} LIMIT $3
         ) t
         ORDER BY t.enabled, t.place, s.id LIMIT $3`,
        [orgId, serverIds, TOOLS_MAX],
      );
      const tools = new Map<string, Tool[]>();
      for (const row of rows) {
        const ofServer = tools.get(row.server_id);
        if (ofServer) ofServer.push(toolFrom(row));
        else tools.set(row.server_id, [toolFrom(row)]);
      }
      return tools;
    },
    async list(orgId, serverId, page) {
      const rows = await database.query<ToolRow>(
        "tools list",
        `SELECT ${COLUMNS} FROM mcp_tools
         WHERE org_id = $1 AND server_id = $2 AND ($3::text IS NULL OR name COLLATE "C" > $3)
         ORDER BY name COLLATE "C" LIMIT $4`,
        [orgId, serverId, page.after?.[0] ?? null, page.limit + 1],
      );
      return pageOf(rows.map(toolFrom), page.limit, (tool) => [tool.name]);
    },
    setEnabled: (orgId, serverId, { enabled, ...edit }) =>
      database.transaction(async (sql) => {
        const server = await serverName(sql, orgId, serverId);
        if (server === undefined) return undefined;
        if (enabled !== undefined) await insertNames(sql, orgId, serverId, [edit]);
        const [changed] = await sql.query<ToolRow>(
          "tool switch",
          `UPDATE mcp_tools SET enabled = $3
           WHERE org_id = $1 AND tool_id = decode($2, 'hex') AND enabled <> $3 RETURNING ${COLUMNS}`,
          [orgId, edit.id, enabled ?? null],
        );
        if (changed) {
          const change = changeOfServer(orgId, server, edit);
          await insertChange(sql, CHANGE_TABLE, change);
          return { tool: toolFrom(changed), change };
        }
        const [same] = await sql.query<ToolRow>(
          "tool get",
          `SELECT ${COLUMNS} FROM mcp_tools WHERE org_id = $1 AND tool_id = decode($2, 'hex')`,
          [orgId, edit.id],
        );
        return same && { tool: toolFrom(same), change: undefined };
      }),
    record: (orgId, serverId, { tools, ...stamp }) =>
      database.transaction(async (sql) => {
        const server = await serverName(sql, orgId, serverId);
        if (server === undefined)
          throw new Failure("SERVER_UNKNOWN", "The organisation has no such server.");
        await insertNames(sql, orgId, serverId, tools);
        const defined = tools.filter(
          (tool): tool is DefinedTool => tool.definitionHash !== undefined,
        );
        if (defined.length === 0) return undefined;
        const before = await lockedHashes(sql, orgId, defined);
        const other = defined.filter((tool) => before.get(tool.id) !== tool.definitionHash);
        await setHashes(sql, orgId, other, stamp.time);
        await seeDefinitions(sql, orgId, { seen: defined, other: new Set(other) }, stamp.time);
        const changed = other.flatMap(({ id, name, definitionHash: hash }) => {
          const previousHash = before.get(id);
          return previousHash === undefined ? [] : [{ id, name, previousHash, hash }];
        });
        if (changed.length === 0) return undefined;
        await forgetOldDefinitions(sql, orgId, changed);
        const change = changeOfDefinitions(orgId, server, stamp, changed);
        await insertChange(sql, CHANGE_TABLE, change);
        return change;
      }),
    async definitions(orgId, toolId, page) {
      const [time, hash] = page.after ?? [];
      const rows = await database.query<DefinitionRow>(
        "tool definitions list",
        `SELECT encode(hash, 'hex') AS hash, definition, first_seen_at, last_seen_at
         FROM mcp_tool_definitions
         WHERE org_id = $1 AND tool_id = decode($2, 'hex')
           AND ($3::timestamptz IS NULL OR (last_seen_at, hash) < ($3, decode($4, 'hex')))
         ORDER BY last_seen_at DESC, hash DESC LIMIT $5`,
        [orgId, toolId, time ?? null, hash ?? null, page.limit + 1],
      );
      const definitions = rows.map((row) => ({
        hash: row.hash,
        definition: row.definition,
        firstSeenTime: row.first_seen_at,
        lastSeenTime: row.last_seen_at,
      }));
      return pageOf(definitions, page.limit, (one) => [one.lastSeenTime.toISOString(), one.hash]);
    },
  };
}

type DefinedTool = ListedTool & { readonly definitionHash: string };

/** Name of a server of the organisation, removed ones included. */
async function serverName(sql: Sql, orgId: string, serverId: string): Promise<string | undefined> {
  const [row] = await sql.query<{ name: string }>(
    "server name",
    "SELECT name FROM mcp_servers WHERE org_id = $1 AND id = $2",
    [orgId, serverId],
  );
  return row?.name;
}

async function insertNames(
  sql: Sql,
  orgId: string,
  serverId: string,
  tools: readonly ToolName[],
): Promise<void> {
  // Sorted, so that two gateways that record the same tools cannot wait for each other.
  const sorted = [...tools].sort((a, b) => (a.id < b.id ? -1 : 1));
  await sql.query(
    "tools insert",
    `INSERT INTO mcp_tools (org_id, server_id, tool_id, name)
     SELECT $1, $2, decode(id, 'hex'), name FROM unnest($3::text[], $4::text[]) AS t (id, name)
     ON CONFLICT (org_id, tool_id) DO NOTHING`,
    [orgId, serverId, sorted.map((tool) => tool.id), sorted.map((tool) => tool.name)],
  );
}

/** The hashes known until now; nobody else changes them until the transaction ends. */
async function lockedHashes(
  sql: Sql,
  orgId: string,
  tools: readonly DefinedTool[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await sql.query<{ id: string; hash: string | null }>(
    "tool hashes lock",
    `SELECT encode(tool_id, 'hex') AS id, encode(definition_hash, 'hex') AS hash FROM mcp_tools
     WHERE org_id = $1 AND tool_id IN (SELECT decode(id, 'hex') FROM unnest($2::text[]) AS t (id))
     ORDER BY tool_id FOR UPDATE`,
    [orgId, tools.map((tool) => tool.id)],
  );
  return new Map(rows.flatMap(({ id, hash }) => (hash === null ? [] : [[id, hash]])));
}

async function setHashes(
  sql: Sql,
  orgId: string,
  tools: readonly DefinedTool[],
  time: Date,
): Promise<void> {
  if (tools.length === 0) return;
  await sql.query(
    "tool hashes set",
    `UPDATE mcp_tools t
     SET definition_hash = decode(n.hash, 'hex'),
       definition_changed_at = CASE WHEN t.definition_hash IS NULL THEN NULL ELSE $4::timestamptz END
     FROM unnest($2::text[], $3::text[]) AS n (id, hash)
     WHERE t.org_id = $1 AND t.tool_id = decode(n.id, 'hex')`,
    [orgId, tools.map((tool) => tool.id), tools.map((tool) => tool.definitionHash), time],
  );
}

async function seeDefinitions(
  sql: Sql,
  orgId: string,
  { seen, other }: { seen: readonly DefinedTool[]; other: ReadonlySet<DefinedTool> },
  time: Date,
): Promise<void> {
  await sql.query(
    "tool definitions see",
    `INSERT INTO mcp_tool_definitions AS d (org_id, tool_id, hash, definition, first_seen_at, last_seen_at)
     SELECT $1, decode(id, 'hex'), decode(hash, 'hex'), definition, $5, $5
     FROM unnest($2::text[], $3::text[], $4::text[]) AS t (id, hash, definition)
     ON CONFLICT (org_id, tool_id, hash) DO UPDATE
     SET last_seen_at = excluded.last_seen_at,
       definition = CASE WHEN d.definition = '' THEN excluded.definition ELSE d.definition END
     WHERE d.last_seen_at < excluded.last_seen_at - $6 * INTERVAL '1 millisecond'
       OR (d.definition = '' AND excluded.definition <> '')
       OR encode(d.tool_id, 'hex') = ANY ($7::text[])`,
    [
      orgId,
      seen.map((tool) => tool.id),
      seen.map((tool) => tool.definitionHash),
      seen.map((tool) => tool.definition),
      time,
      SEEN_LAG_MS,
      [...other].map((tool) => tool.id),
    ],
  );
}

async function forgetOldDefinitions(
  sql: Sql,
  orgId: string,
  tools: readonly ToolName[],
): Promise<void> {
  await sql.query(
    "tool definitions forget",
    `DELETE FROM mcp_tool_definitions d
     USING (
       SELECT tool_id, hash,
         row_number() OVER (PARTITION BY tool_id ORDER BY last_seen_at DESC, hash DESC) AS place
       FROM mcp_tool_definitions
       WHERE org_id = $1 AND tool_id IN (SELECT decode(id, 'hex') FROM unnest($2::text[]) AS t (id))
     ) old
     WHERE d.org_id = $1 AND d.tool_id = old.tool_id AND d.hash = old.hash AND old.place > $3`,
    [orgId, tools.map((tool) => tool.id), DEFINITIONS_MAX],
  );
}

type ToolRow = {
  name: string;
  enabled: boolean;
  definition_hash: string | null;
  definition_changed_at: Date | null;
};

type DefinitionRow = {
  hash: string;
  definition: string;
  first_seen_at: Date;
  last_seen_at: Date;
};

const COLUMNS =
  "name, enabled, encode(definition_hash, 'hex') AS definition_hash, definition_changed_at";

/** The order of `known`: false is before true. The index mcp_tools_known has it. */
const KNOWN_FIRST = "enabled, definition_changed_at DESC NULLS LAST, tool_id";

function toolFrom(row: ToolRow): Tool {
  return {
    name: row.name,
    enabled: row.enabled,
    definitionHash: row.definition_hash ?? undefined,
    definitionChangeTime: row.definition_changed_at ?? undefined,
  };
}
