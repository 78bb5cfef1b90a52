/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import { Failure } from "@gatewayops/platform/errors";
import type { AuthChange } from "../changes/auth-change.ts";
import { compareKeys, type MemoryTables } from "../memory-tables.ts";
import { pageOf } from "../page.ts";
import { changeOfServer, type ServerStore } from "./server-store.ts";
import type { McpServer } from "./server.ts";

export function createMemoryServerStore(tables: MemoryTables): ServerStore {
  const live = (orgId: string): McpServer[] =>
    [...tables.servers.values()]
      .filter((row) => row.server.orgId === orgId && !row.deleted)
      .map((row) => row.server);
  const get = (orgId: string, name: string): McpServer | undefined =>
    live(orgId).find((server) => server.name === name);
  const changed = (orgId: string, name: string, stamp: ChangeStamp): AuthChange => {
    const change = changeOfServer(orgId, name, stamp);
    tables.changes.set(change.id, change);
    return change;
  };
  return {
    async create(orgId, server, changeId) {
      if (get(orgId, server.name))
        throw new Failure("ALREADY_EXISTS", `A server named ${server.name} exists.`);
      tables.servers.set(server.id, { server: { ...server, orgId }, deleted: false });
      return changed(orgId, server.name, { changeId, time: server.createTime });
    },
    async get(orgId, name) {
      return get(orgId, name);
    },
    async enabled(orgId, limit) {
      return live(orgId)
        .filter((server) => server.enabled)
        .sort((a, b) => compareKeys([a.name], [b.name]))
        .slice(0, limit);
    },
    async list(orgId, { limit, after }) {
      const rows = live(orgId)
        .sort((a, b) => compareKeys([a.name], [b.name]))
        .filter((server) => after === undefined || compareKeys([server.name], after) > 0);
      return pageOf(rows.slice(0, limit + 1), limit, (server) => [server.name]);
    },
    async update(orgId, name, edit) {
      const before = get(orgId, name);
      if (!before) return undefined;
      const server: McpServer = {
        ...before,
        url: edit.url ?? before.url,
        timeoutMs: edit.timeoutMs ?? before.timeoutMs,
        enabled: edit.enabled ?? before.enabled,
        settings: edit.settings ?? before.settings,
        updateTime: edit.time,
      };
      tables.servers.set(server.id, { server, deleted: false });
      return { server, change: changed(orgId, name, edit) };
    },
    async remove(orgId, name, stamp) {
      const server = get(orgId, name);
      if (!server) return undefined;
      tables.servers.set(server.id, { server, deleted: true });
      return changed(orgId, name, stamp);
    },
  };
}
