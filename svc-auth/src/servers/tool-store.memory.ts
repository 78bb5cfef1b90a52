/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import { Failure } from "@gatewayops/platform/errors";
import { compareKeys, type MemoryTables } from "../memory-tables.ts";
import { pageOf } from "../page.ts";
import { changeOfServer } from "./server-store.ts";
import {
  changeOfDefinitions,
  DEFINITIONS_MAX,
  SEEN_LAG_MS,
  TOOLS_MAX,
  type ChangedDefinition,
  type Tool,
  type ToolDefinition,
  type ToolName,
  type ToolStore,
} from "./tool-store.ts";

export function createMemoryToolStore(tables: MemoryTables): ToolStore {
  const serverName = (orgId: string, serverId: string): string | undefined => {
    const server = tables.servers.get(serverId)?.server;
    return server?.orgId === orgId ? server.name : undefined;
  };
  const ofServer = (orgId: string, serverId: string) =>
    [...tables.tools]
      .filter(([key, row]) => key.startsWith(`${orgId}/`) && row.serverId === serverId)
      .map(([key, { tool }]) => ({ key, tool }));
  const known = (orgId: string, serverId: string): Tool[] =>
    ofServer(orgId, serverId)
      .sort(compareKnown)
      .map(({ tool }) => tool);
  const insert = (orgId: string, serverId: string, { id, name }: ToolName): Tool => {
    const key = `${orgId}/${id}`;
    const found = tables.tools.get(key);
    if (found) return found.tool;
    const tool: Tool = {
      name,
      enabled: true,
      definitionHash: undefined,
      definitionChangeTime: undefined,
    };
    tables.tools.set(key, { serverId, tool, definitions: [] });
    return tool;
  };
  return {
    async known(orgId, serverId) {
      return known(orgId, serverId).slice(0, TOOLS_MAX);
    },
    async knownOfServers(orgId, serverIds) {
      const rows = serverIds
        .flatMap((id) => known(orgId, id).map((tool, place) => ({ id, tool, place })))
        .sort(
          (a, b) =>
            Number(a.tool.enabled) - Number(b.tool.enabled) ||
            a.place - b.place ||
            compareKeys([a.id], [b.id]),
        );
      const tools = new Map<string, Tool[]>();
      for (const { id, tool } of rows.slice(0, TOOLS_MAX)) {
        const ofOne = tools.get(id);
        if (ofOne) ofOne.push(tool);
        else tools.set(id, [tool]);
      }
      return tools;
    },
    async list(orgId, serverId, { limit, after }) {
      const rows = ofServer(orgId, serverId)
        .map(({ tool }) => tool)
        .sort((a, b) => compareKeys([a.name], [b.name]))
        .filter((tool) => after === undefined || compareKeys([tool.name], after) > 0);
      return pageOf(rows.slice(0, limit + 1), limit, (tool) => [tool.name]);
    },
    async setEnabled(orgId, serverId, { enabled, ...edit }) {
      const server = serverName(orgId, serverId);
      if (server === undefined) return undefined;
      if (enabled !== undefined) insert(orgId, serverId, edit);
      const key = `${orgId}/${edit.id}`;
      const row = tables.tools.get(key);
      if (!row) return undefined;
      if (enabled === undefined || row.tool.enabled === enabled)
        return { tool: row.tool, change: undefined };
      const tool: Tool = { ...row.tool, enabled };
      tables.tools.set(key, { ...row, tool });
      const change = changeOfServer(orgId, server, edit);
      tables.changes.set(change.id, change);
      return { tool, change };
    },
    async record(orgId, serverId, { tools, ...stamp }) {
      const server = serverName(orgId, serverId);
      if (server === undefined)
        throw new Failure("SERVER_UNKNOWN", "The organisation has no such server.");
      const changed: ChangedDefinition[] = [];
      for (const { id, name, definitionHash: hash, definition } of tools) {
        const before = insert(orgId, serverId, { id, name });
        const row = tables.tools.get(`${orgId}/${id}`);
        if (hash === undefined || !row) continue;
        const previousHash = before.definitionHash;
        const definitions = seen(row.definitions, {
          hash,
          definition,
          time: stamp.time,
          isOther: previousHash !== hash,
        });
        tables.tools.set(`${orgId}/${id}`, {
          ...row,
          definitions,
          tool:
            previousHash === hash
              ? before
              : {
                  ...before,
                  definitionHash: hash,
                  definitionChangeTime: previousHash === undefined ? undefined : stamp.time,
                },
        });
        if (previousHash !== undefined && previousHash !== hash)
          changed.push({ id, name, previousHash, hash });
      }
      if (changed.length === 0) return undefined;
      const change = changeOfDefinitions(orgId, server, stamp, changed);
      tables.changes.set(change.id, change);
      return change;
    },
    async definitions(orgId, toolId, { limit, after }) {
      const rows = (tables.tools.get(`${orgId}/${toolId}`)?.definitions ?? []).filter(
        (one) => after === undefined || compareKeys(sortKeyOf(one), after) < 0,
      );
      return pageOf(rows.slice(0, limit + 1), limit, sortKeyOf);
    },
  };
}

type KeyedTool = { readonly key: string; readonly tool: Tool };

/** The order of `known`. */
function compareKnown(a: KeyedTool, b: KeyedTool): number {
  const changedMs = ({ tool }: KeyedTool) => tool.definitionChangeTime?.getTime() ?? 0;
  return (
    Number(a.tool.enabled) - Number(b.tool.enabled) ||
    changedMs(b) - changedMs(a) ||
    compareKeys([a.key], [b.key])
  );
}

function sortKeyOf(one: ToolDefinition): readonly string[] {
  return [one.lastSeenTime.toISOString(), one.hash];
}

type Sighting = {
  readonly hash: string;
  readonly definition: string;
  readonly time: Date;
  /** True: the tool had another definition until now. */
  readonly isOther: boolean;
};

/** The definitions with one that was seen, the one seen last first. */
function seen(
  definitions: readonly ToolDefinition[],
  { hash, definition, time, isOther }: Sighting,
): ToolDefinition[] {
  const known = definitions.find((one) => one.hash === hash);
  if (
    known &&
    !isOther &&
    known.lastSeenTime.getTime() >= time.getTime() - SEEN_LAG_MS &&
    (known.definition !== "" || definition === "")
  )
    return [...definitions];
  const one: ToolDefinition = {
    hash,
    definition: known && known.definition !== "" ? known.definition : definition,
    firstSeenTime: known?.firstSeenTime ?? time,
    lastSeenTime: time,
  };
  return [...definitions.filter((other) => other.hash !== hash), one]
    .sort((a, b) => compareKeys(sortKeyOf(b), sortKeyOf(a)))
    .slice(0, DEFINITIONS_MAX);
}
