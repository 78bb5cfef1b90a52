/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import { Failure } from "@gatewayops/platform/errors";
import { compareKeys, type MemoryTables } from "../memory-tables.ts";
import { pageOf } from "../page.ts";
import type { Team } from "./organization.ts";
import { changeOfTeam, type TeamStore } from "./team-store.ts";

export function createMemoryTeamStore(tables: MemoryTables): TeamStore {
  const sortKey = (team: Team): readonly string[] => [team.name, team.id];
  const ofOrg = (orgId: string): Team[] =>
    [...tables.teams.values()].filter((team) => team.orgId === orgId);
  return {
    async get(orgId, teamId) {
      const team = tables.teams.get(teamId);
      return team?.orgId === orgId ? team : undefined;
    },
    async create(orgId, team) {
      if (ofOrg(orgId).some((other) => other.slug === team.slug))
        throw new Failure("ALREADY_EXISTS", `A team with the slug ${team.slug} exists.`);
      tables.teams.set(team.id, { ...team, orgId });
      return team;
    },
    async ensure(orgId, fresh) {
      const found = ofOrg(orgId).find((team) => team.slug === fresh.slug);
      if (!found) tables.teams.set(fresh.id, { ...fresh, orgId });
      return found ?? fresh;
    },
    async update(orgId, teamId, edit) {
      const before = tables.teams.get(teamId);
      if (before?.orgId !== orgId) return undefined;
      const team: Team = {
        ...before,
        name: edit.name ?? before.name,
        rateLimit: edit.rateLimit ?? before.rateLimit,
        scopes: edit.scopes ?? before.scopes,
      };
      tables.teams.set(teamId, team);
      const change = changeOfTeam(orgId, teamId, edit);
      tables.changes.set(change.id, change);
      return { team, change };
    },
    async list(orgId, { limit, after }) {
      const rows = ofOrg(orgId)
        .sort((a, b) => compareKeys(sortKey(a), sortKey(b)))
        .filter((team) => after === undefined || compareKeys(sortKey(team), after) > 0);
      return pageOf(rows.slice(0, limit + 1), limit, sortKey);
    },
    async setMember(orgId, member) {
      if (
        tables.teams.get(member.teamId)?.orgId !== orgId ||
        tables.users.get(member.userId)?.orgId !== orgId
      )
        throw new Error("team_memberships: foreign key");
      tables.members.add(`${orgId}/${member.teamId}/${member.userId}`);
    },
    async isMember(orgId, teamId, userId) {
      return tables.members.has(`${orgId}/${teamId}/${userId}`);
    },
  };
}
