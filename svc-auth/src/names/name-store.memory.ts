/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import type { MemoryTables } from "../memory-tables.ts";
import { refName, type NamedKind, type NamedRef, type NameStore } from "./name-store.ts";

export function createMemoryNameStore(tables: MemoryTables): NameStore {
  return {
    async names(kind, refs) {
      return new Map(
        refs.flatMap((ref): [string, string][] => {
          const name = nameOf(kind, ref);
          return name === undefined ? [] : [[refName(ref), name]];
        }),
      );
    },
  };

  function nameOf(kind: NamedKind, ref: NamedRef): string | undefined {
    switch (kind) {
      case "server":
        return ofOrg(tables.servers.get(ref.id)?.server, ref)?.name;
      case "team":
        return ofOrg(tables.teams.get(ref.id), ref)?.name;
      case "user":
        return ofOrg(tables.users.get(ref.id), ref)?.email;
      case "key":
        return ofOrg(tables.keys.get(ref.id)?.key, ref)?.name;
      case "tool":
        return tables.tools.get(refName(ref))?.tool.name;
    }
  }
}

function ofOrg<T extends { orgId: string }>(row: T | undefined, ref: NamedRef): T | undefined {
  return row?.orgId === ref.orgId ? row : undefined;
}
