import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import type { AuthChange } from "../changes/auth-change.ts";
import type { ListMode, Organization, RateLimit } from "./organization.ts";

/** Organisations. Fails with STORE_UNAVAILABLE when the database is away, as every store here. */
export type OrganizationStore = {
  get(orgId: string): Promise<Organization | undefined>;
  /** The organisation of the slug, made from `fresh` when there is none. Safe to repeat and to race. */
  ensure(fresh: Organization): Promise<Organization>;
  /** Changes what is given and leaves the change to be told. Undefined when there is none of the id. */
  update(
    orgId: string,
    edit: OrganizationEdit,
  ): Promise<{ readonly organization: Organization; readonly change: AuthChange } | undefined>;
};

export type OrganizationEdit = ChangeStamp & {
  readonly rateLimit?: RateLimit | undefined;
  readonly listMode?: ListMode | undefined;
  readonly timeZone?: string | undefined;
  readonly traceRetentionDays?: number | undefined;
};

/** The change that a changed organisation is told as. */
export function changeOfOrganization(orgId: string, stamp: ChangeStamp): AuthChange {
  return {
    id: stamp.changeId,
    orgId,
    invalidation: { kind: "org", orgId },
    keyPrefix: undefined,
    adminEvents: undefined,
    createTime: stamp.time,
  };
}
