import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import type { AccessScopes } from "../access/access-scopes.ts";
import type { AuthChange } from "../changes/auth-change.ts";
import type { Page, PageRequest } from "../page.ts";
import type { Team, RateLimit } from "./organization.ts";

/** Teams and who belongs to them. */
export type TeamStore = {
  get(orgId: string, teamId: string): Promise<Team | undefined>;
  /** Adds a team. Fails with ALREADY_EXISTS when the organisation has one with its slug. */
  create(orgId: string, team: Team): Promise<Team>;
  /** The team of the slug, made from `fresh` when there is none. Safe to repeat and to race. */
  ensure(orgId: string, fresh: Team): Promise<Team>;
  /** Changes what is given and leaves the change to be told. Undefined when there is none of the id. */
  update(
    orgId: string,
    teamId: string,
    edit: TeamEdit,
  ): Promise<{ readonly team: Team; readonly change: AuthChange } | undefined>;
  /** By name in the order of code points, then id. Sort key [name, id]. */
  list(orgId: string, page: PageRequest): Promise<Page<Team>>;
  /** Makes a person a member, or changes the role. Both must be of the organisation. */
  setMember(orgId: string, member: TeamMember): Promise<void>;
  isMember(orgId: string, teamId: string, userId: string): Promise<boolean>;
};

export type TeamEdit = ChangeStamp & {
  readonly name?: string | undefined;
  readonly rateLimit?: RateLimit | undefined;
  readonly scopes?: AccessScopes | undefined;
};

/** The change that a changed team is told as. */
export function changeOfTeam(orgId: string, teamId: string, stamp: ChangeStamp): AuthChange {
  return {
    id: stamp.changeId,
    orgId,
    invalidation: { kind: "team", orgId, teamId },
    keyPrefix: undefined,
    adminEvents: undefined,
    createTime: stamp.time,
  };
}

export type TeamMember = {
  readonly teamId: string;
  readonly userId: string;
  /** "member" or "team_admin". */
  readonly role: string;
  readonly createTime: Date;
};
