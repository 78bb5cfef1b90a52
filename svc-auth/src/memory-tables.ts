import type { AuthChange } from "./changes/auth-change.ts";
import type { ApiKey } from "./keys/api-key.ts";
import type { Organization, Team, User } from "./people/organization.ts";
import type { McpServer } from "./servers/server.ts";
import type { Tool, ToolDefinition } from "./servers/tool-store.ts";

/** The rows that the memory stores of one service share, as the Postgres stores share a database. */
export type MemoryTables = {
  readonly organizations: Map<string, Organization>;
  readonly teams: Map<string, Team>;
  readonly users: Map<string, User>;
  /** Password hashes by "{org}/{user}". */
  readonly passwords: Map<string, string>;
  /** "{org}/{team}/{user}". */
  readonly members: Set<string>;
  readonly keys: Map<string, { key: ApiKey; hash: string; checksum: string }>;
  /** Removed servers stay, without a live name. */
  readonly servers: Map<string, { server: McpServer; deleted: boolean }>;
  /** By "{org}/{tool id}". */
  readonly tools: Map<
    string,
    { serverId: string; tool: Tool; definitions: readonly ToolDefinition[] }
  >;
  readonly changes: Map<string, AuthChange>;
};

export function createMemoryTables(): MemoryTables {
  return {
    organizations: new Map(),
    teams: new Map(),
    users: new Map(),
    passwords: new Map(),
    members: new Set(),
    keys: new Map(),
    servers: new Map(),
    tools: new Map(),
    changes: new Map(),
  };
}

/** Compares sort keys part by part in the order of UTF-8 bytes, as COLLATE "C" does. */
export function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (const [index, part] of a.entries()) {
    const order = Buffer.compare(Buffer.from(part), Buffer.from(b[index] ?? ""));
    if (order !== 0) return order;
  }
  return 0;
}
