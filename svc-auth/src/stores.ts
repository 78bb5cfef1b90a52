import { createMemoryChangeStore } from "@gatewayops/platform/changes/change-store.memory";
import { createPostgresChangeStore } from "@gatewayops/platform/changes/change-store.postgres";
import type { ChangeStore } from "@gatewayops/platform/changes/change-store";
import type { Database } from "@gatewayops/platform/postgres/database";
import type { AuthChange } from "./changes/auth-change.ts";
import { CHANGE_TABLE } from "./changes/change-table.ts";
import { createMemoryKeyStore } from "./keys/key-store.memory.ts";
import { createPostgresKeyStore } from "./keys/key-store.postgres.ts";
import type { KeyStore } from "./keys/key-store.ts";
import { createMemoryTables } from "./memory-tables.ts";
import { createMemoryNameStore } from "./names/name-store.memory.ts";
import { createPostgresNameStore } from "./names/name-store.postgres.ts";
import type { NameStore } from "./names/name-store.ts";
import { createMemoryOrganizationStore } from "./people/organization-store.memory.ts";
import { createPostgresOrganizationStore } from "./people/organization-store.postgres.ts";
import type { OrganizationStore } from "./people/organization-store.ts";
import { createMemoryTeamStore } from "./people/team-store.memory.ts";
import { createPostgresTeamStore } from "./people/team-store.postgres.ts";
import type { TeamStore } from "./people/team-store.ts";
import { createMemoryUserStore } from "./people/user-store.memory.ts";
import { createPostgresUserStore } from "./people/user-store.postgres.ts";
import type { UserStore } from "./people/user-store.ts";
import { createMemoryServerStore } from "./servers/server-store.memory.ts";
import { createPostgresServerStore } from "./servers/server-store.postgres.ts";
import type { ServerStore } from "./servers/server-store.ts";
import { createMemoryToolStore } from "./servers/tool-store.memory.ts";
import { createPostgresToolStore } from "./servers/tool-store.postgres.ts";
import type { ToolStore } from "./servers/tool-store.ts";

/** Everything the service keeps in its database. */
export type Stores = {
  readonly organizations: OrganizationStore;
  readonly teams: TeamStore;
  readonly users: UserStore;
  readonly keys: KeyStore;
  readonly servers: ServerStore;
  readonly tools: ToolStore;
  readonly names: NameStore;
  readonly changes: ChangeStore<AuthChange>;
};

export function createPostgresStores(database: Database): Stores {
  return {
    organizations: createPostgresOrganizationStore(database),
    teams: createPostgresTeamStore(database),
    users: createPostgresUserStore(database),
    keys: createPostgresKeyStore(database),
    servers: createPostgresServerStore(database),
    tools: createPostgresToolStore(database),
    names: createPostgresNameStore(database),
    changes: createPostgresChangeStore(database, CHANGE_TABLE),
  };
}

export function createMemoryStores(): Stores {
  const tables = createMemoryTables();
  return {
    organizations: createMemoryOrganizationStore(tables),
    teams: createMemoryTeamStore(tables),
    users: createMemoryUserStore(tables),
    keys: createMemoryKeyStore(tables),
    servers: createMemoryServerStore(tables),
    tools: createMemoryToolStore(tables),
    names: createMemoryNameStore(tables),
    changes: createMemoryChangeStore(tables.changes),
  };
}
