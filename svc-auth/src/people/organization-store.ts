import type { Organization } from "./organization.ts";

/** Organisations. Fails with STORE_UNAVAILABLE when the database is away, as every store here. */
export type OrganizationStore = {
  get(orgId: string): Promise<Organization | undefined>;
  /** The organisation of the slug, made from `fresh` when there is none. Safe to repeat and to race. */
  ensure(fresh: Organization): Promise<Organization>;
};
