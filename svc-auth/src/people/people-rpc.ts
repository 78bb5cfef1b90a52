import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { Failure } from "@gatewayops/platform/errors";
import { requireCaller } from "@gatewayops/platform/rpc/caller";
import {
  OrganizationSchema,
  TeamSchema,
  UserSchema,
  type Organization as OrganizationMessage,
  type OrganizationService,
  type Team as TeamMessage,
  type User as UserMessage,
} from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import type { Clock } from "../clock.ts";
import { pageRequestFrom } from "../page.ts";
import { Secret } from "../secret.ts";
import type { PasswordHasher } from "../sessions/password-hasher.ts";
import type { OrganizationStore } from "./organization-store.ts";
import {
  NO_RATE_LIMIT,
  normalizeEmail,
  type Organization,
  type Team,
  type User,
} from "./organization.ts";
import type { TeamStore } from "./team-store.ts";
import type { UserStore } from "./user-store.ts";

export type PeopleRpcOptions = Clock & {
  readonly organizations: OrganizationStore;
  readonly teams: TeamStore;
  readonly users: UserStore;
  readonly hasher: PasswordHasher;
};

export function createPeopleRpc(
  options: PeopleRpcOptions,
): ServiceImpl<typeof OrganizationService> {
  const { organizations, teams, users, hasher, newId, now } = options;
  return {
    async getOrganization(_request, context) {
      const organization = await organizations.get(requireCaller(context).orgId);
      if (!organization) throw new Failure("NOT_FOUND", "There is no such organisation.");
      return { organization: toOrganization(organization) };
    },
    async createTeam(request, context) {
      const { orgId } = requireCaller(context);
      const { rps, burst } = request.rateLimit ?? NO_RATE_LIMIT;
      const team = await teams.create(orgId, {
        id: newId(),
        orgId,
        name: request.name,
        slug: request.slug,
        rateLimit: { rps: bounded(rps), burst: bounded(burst) },
        createTime: new Date(now()),
      });
      return { team: toTeam(team) };
    },
    async listTeams(request, context) {
      const page = pageRequestFrom(request, ["text", "uuid"]);
      const { items, cursor } = await teams.list(requireCaller(context).orgId, page);
      return { items: items.map(toTeam), cursor, hasMore: cursor !== "" };
    },
    async createUser(request, context) {
      const { orgId } = requireCaller(context);
      const user: User = {
        id: newId(),
        orgId,
        email: normalizeEmail(request.email),
        name: request.name,
        role: request.role === "" ? "org_member" : request.role,
        createTime: new Date(now()),
        lastLoginTime: undefined,
      };
      const passwordHash = await hasher.hash(new Secret(request.password));
      return { user: toUser(await users.create(orgId, user, passwordHash)) };
    },
    async listUsers(request, context) {
      const page = pageRequestFrom(request, ["text"]);
      const { items, cursor } = await users.list(requireCaller(context).orgId, page);
      return { items: items.map(toUser), cursor, hasMore: cursor !== "" };
    },
  };
}

const RATE_MAX = 1_000_000_000;

// The columns are 32-bit integers.
function bounded(rate: number): number {
  return Math.min(rate, RATE_MAX);
}

function toOrganization(organization: Organization): OrganizationMessage {
  return create(OrganizationSchema, {
    id: organization.id,
    name: organization.name,
    slug: organization.slug,
    rateLimit: organization.rateLimit,
    createTime: timestampFromDate(organization.createTime),
  });
}

function toTeam(team: Team): TeamMessage {
  return create(TeamSchema, {
    id: team.id,
    name: team.name,
    slug: team.slug,
    rateLimit: team.rateLimit,
    createTime: timestampFromDate(team.createTime),
  });
}

function toUser(user: User): UserMessage {
  return create(UserSchema, {
    id: user.id,
    email: user.email,
    name: user.name,
    role: user.role,
    createTime: timestampFromDate(user.createTime),
    ...(user.lastLoginTime && { lastLoginTime: timestampFromDate(user.lastLoginTime) }),
  });
}
