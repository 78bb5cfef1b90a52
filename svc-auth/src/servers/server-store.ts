import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import type { AuthChange } from "../changes/auth-change.ts";
import type { Page, PageRequest } from "../page.ts";
import type { ServerSettings } from "./server-settings.ts";
import type { McpServer } from "./server.ts";

/** Registered MCP servers. */
export type ServerStore = {
  /** Adds a server and leaves the change to be told. Fails with ALREADY_EXISTS when the name is taken. */
  create(orgId: string, server: McpServer, changeId: string): Promise<AuthChange>;
  get(orgId: string, name: string): Promise<McpServer | undefined>;
  /** The enabled ones by name in the order of code points. */
  enabled(orgId: string, limit: number): Promise<McpServer[]>;
  /** By name in the order of code points. Sort key [name]. */
  list(orgId: string, page: PageRequest): Promise<Page<McpServer>>;
  /** Changes what is given. Undefined when there is none of the name. */
  update(orgId: string, name: string, edit: ServerEdit): Promise<ChangedServer | undefined>;
  /** Frees the name; the names of the server and its tools stay known to records. Undefined when there is none. */
  remove(orgId: string, name: string, stamp: ChangeStamp): Promise<AuthChange | undefined>;
};

export type ServerEdit = ChangeStamp & {
  readonly url?: string | undefined;
  readonly timeoutMs?: number | undefined;
  readonly enabled?: boolean | undefined;
  readonly settings?: ServerSettings | undefined;
};

export type ChangedServer = { readonly server: McpServer; readonly change: AuthChange };

/** The change that a changed server is told as. */
export function changeOfServer(orgId: string, name: string, stamp: ChangeStamp): AuthChange {
  return {
    id: stamp.changeId,
    orgId,
    invalidation: { kind: "server", orgId, name },
    keyPrefix: undefined,
    adminEvents: undefined,
    createTime: stamp.time,
  };
}
