/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import type { MemoryTables } from "../memory-tables.ts";
import type { OrganizationStore } from "./organization-store.ts";

export function createMemoryOrganizationStore(tables: MemoryTables): OrganizationStore {
  return {
    async get(orgId) {
      return tables.organizations.get(orgId);
    },
    async ensure(fresh) {
      const found = [...tables.organizations.values()].find((org) => org.slug === fresh.slug);
      if (found) return found;
      tables.organizations.set(fresh.id, fresh);
      return fresh;
    },
  };
}
