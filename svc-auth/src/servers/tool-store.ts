import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import type { AdminEvent } from "@gatewayops/platform/streams/admin-events";
import type { AuthChange } from "../changes/auth-change.ts";
import type { Page, PageRequest } from "../page.ts";
import { changeOfServer } from "./server-store.ts";

/** Tools of servers, whether they are on, and the definitions they had. */
export type ToolStore = {
  /**
   * Tools of a server, at most TOOLS_MAX: those that are off first, then those whose definition changed last, then the
   * others by id. So a server that lists ever more tools loses neither a switch nor a change.
   */
  known(orgId: string, serverId: string): Promise<Tool[]>;
  /**
   * Tools of these servers by the server's id, at most TOOLS_MAX of all of them together: first what is off, then of each
   * server equally many, in the order of `known`. Servers of other organisations have none.
   */
  knownOfServers(
    orgId: string,
    serverIds: readonly string[],
  ): Promise<ReadonlyMap<string, readonly Tool[]>>;
  /** By name in the order of code points. Sort key [name]. */
  list(orgId: string, serverId: string, page: PageRequest): Promise<Page<Tool>>;
  /**
   * Switches a tool, which need not be known yet, and leaves the change to be told. Without `enabled`, or when it is so
   * already, nothing changes and there is no change. Undefined when the server is not the organisation's, or the tool is
   * not known and nothing is to be changed.
   */
  setEnabled(
    orgId: string,
    serverId: string,
    edit: ChangeStamp & ToolName & { readonly enabled: boolean | undefined },
  ): Promise<{ readonly tool: Tool; readonly change: AuthChange | undefined } | undefined>;
  /**
   * Remembers what a server lists. Of tools whose definition is not the one known until now it leaves a change that
   * tells administrators. Fails with SERVER_UNKNOWN when the server is not the organisation's.
   */
  record(
    orgId: string,
    serverId: string,
    listing: ChangeStamp & { readonly tools: readonly ListedTool[] },
  ): Promise<AuthChange | undefined>;
  /** Definitions that a tool had, the one seen last first, at most DEFINITIONS_MAX. Sort key [last seen time, hash]. */
  definitions(orgId: string, toolId: string, page: PageRequest): Promise<Page<ToolDefinition>>;
};

export type ToolName = {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
};

export type Tool = {
  readonly name: string;
  readonly enabled: boolean;
  /** SHA-256 in hexadecimal digits. Undefined: the definition is not known. */
  readonly definitionHash: string | undefined;
  /** Undefined: the definition is the first that is known. */
  readonly definitionChangeTime: Date | undefined;
};

export type ListedTool = ToolName & {
  /** Undefined: only the name is known. */
  readonly definitionHash: string | undefined;
  /** JSON as the server sent it. Empty: it is the known one, or too long to be kept. */
  readonly definition: string;
};

export type ToolDefinition = {
  readonly hash: string;
  readonly definition: string;
  readonly firstSeenTime: Date;
  readonly lastSeenTime: Date;
};

/** Tools that are listed at most. */
export const TOOLS_MAX = 10_000;
/** Definitions of one tool that are kept; the ones not seen for longest go first. */
export const DEFINITIONS_MAX = 50;
/** Milliseconds by which the time a definition was last seen may lag, so that a look at a list is seldom a write. */
export const SEEN_LAG_MS = 5 * 60_000;

export type ChangedDefinition = ToolName & { readonly previousHash: string; readonly hash: string };

/** The change that changed definitions are told as. */
export function changeOfDefinitions(
  orgId: string,
  server: string,
  stamp: ChangeStamp,
  changed: readonly ChangedDefinition[],
): AuthChange {
  const events = changed.map(({ id, name, previousHash, hash }): AdminEvent => ({
    id: `${stamp.changeId}/${id}`,
    kind: "tool_definition_changed",
    orgId,
    server,
    tool: name,
    previousHash,
    hash,
    time: stamp.time.toISOString(),
  }));
  return { ...changeOfServer(orgId, server, stamp), adminEvents: JSON.stringify(events) };
}
