import type { Database } from "@gatewayops/platform/postgres/database";
import { refName, type NamedKind, type NameStore } from "./name-store.ts";

export function createPostgresNameStore(database: Database): NameStore {
  return {
    async names(kind, refs) {
      const rows = await database.query<{ org_id: string; id: string; name: string }>(
        "names resolve",
        QUERIES[kind],
        [refs.map((ref) => ref.orgId), refs.map((ref) => ref.id)],
      );
      return new Map(rows.map((row) => [refName({ orgId: row.org_id, id: row.id }), row.name]));
    },
  };
}

const QUERIES: Record<NamedKind, string> = {
  server: byUuid("mcp_servers", "name"),
  team: byUuid("teams", "name"),
  user: byUuid("users", "email"),
  key: byUuid("api_keys", "name"),
  tool: `
    SELECT n.org_id, encode(n.tool_id, 'hex') AS id, n.name
    FROM mcp_tools n JOIN unnest($1::uuid[], $2::text[]) AS r (org_id, id)
      ON n.org_id = r.org_id AND n.tool_id = decode(r.id, 'hex')`,
};

function byUuid(table: string, column: string): string {
  return `
    SELECT n.org_id, n.id, n.${column} AS name
    FROM ${table} n JOIN unnest($1::uuid[], $2::uuid[]) AS r (org_id, id)
      ON n.org_id = r.org_id AND n.id = r.id`;
}
