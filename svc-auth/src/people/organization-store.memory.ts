/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import type { MemoryTables } from "../memory-tables.ts";
import { changeOfOrganization, type OrganizationStore } from "./organization-store.ts";
import type { Organization } from "./organization.ts";

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
    async update(orgId, edit) {
      const before = tables.organizations.get(orgId);
      if (!before) return undefined;
      const organization: Organization = {
        ...before,
        rateLimit: edit.rateLimit ?? before.rateLimit,
        listMode: edit.listMode ?? before.listMode,
        timeZone: edit.timeZone ?? before.timeZone,
        traceRetentionDays: edit.traceRetentionDays ?? before.traceRetentionDays,
      };
      tables.organizations.set(orgId, organization);
      const change = changeOfOrganization(orgId, edit);
      tables.changes.set(change.id, change);
      return { organization, change };
    },
  };
}
