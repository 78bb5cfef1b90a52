import type { Page, PageRequest } from "../page.ts";
import type { Team } from "./organization.ts";

/** Teams and who belongs to them. */
export type TeamStore = {
  get(orgId: string, teamId: string): Promise<Team | undefined>;
  /** Adds a team. Fails with ALREADY_EXISTS when the organisation has one with its slug. */
  create(orgId: string, team: Team): Promise<Team>;
  /** The team of the slug, made from `fresh` when there is none. Safe to repeat and to race. */
  ensure(orgId: string, fresh: Team): Promise<Team>;
  /** By name in the order of code points, then id. Sort key [name, id]. */
  list(orgId: string, page: PageRequest): Promise<Page<Team>>;
  /** Makes a person a member, or changes the role. Both must be of the organisation. */
  setMember(orgId: string, member: TeamMember): Promise<void>;
  isMember(orgId: string, teamId: string, userId: string): Promise<boolean>;
};

export type TeamMember = {
  readonly teamId: string;
  readonly userId: string;
  /** "member" or "team_admin". */
  readonly role: string;
  readonly createTime: Date;
};
