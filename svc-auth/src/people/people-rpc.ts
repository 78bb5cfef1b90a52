import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { isTimeZone } from "@gatewayops/platform/budgets/budget-period";
import type { ChangePublisher } from "@gatewayops/platform/changes/change-publisher";
import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import { Failure, invalidRequest } from "@gatewayops/platform/errors";
import { requireCaller } from "@gatewayops/platform/rpc/caller";
import {
  ListMode as ListModeMessage,
  OrganizationSchema,
  TeamSchema,
  UserSchema,
  type Organization as OrganizationMessage,
  type OrganizationService,
  type RateLimit as RateLimitMessage,
  type Team as TeamMessage,
  type User as UserMessage,
} from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import { accessFrom, toAccessFields } from "../access/access-messages.ts";
import { policyModeFrom, toPolicyMode } from "../access/policy-mode.ts";
import type { AuthChange } from "../changes/auth-change.ts";
import type { Clock } from "../clock.ts";
import { pageRequestFrom } from "../page.ts";
import { Secret } from "../secret.ts";
import type { PasswordHasher } from "../sessions/password-hasher.ts";
import type { OrganizationStore } from "./organization-store.ts";
import {
  NO_RATE_LIMIT,
  normalizeEmail,
  type ListMode,
  type Organization,
  type RateLimit,
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
  readonly publisher: Pick<ChangePublisher<AuthChange>, "publish">;
};

export function createPeopleRpc(
  options: PeopleRpcOptions,
): ServiceImpl<typeof OrganizationService> {
  const { organizations, teams, users, hasher, publisher, newId, now } = options;
  return {
    async getOrganization(_request, context) {
      const organization = await organizations.get(requireCaller(context).orgId);
      if (!organization) throw new Failure("NOT_FOUND", "There is no such organisation.");
      return { organization: toOrganization(organization) };
    },
    async updateOrganization(request, context) {
      const updated = await organizations.update(requireCaller(context).orgId, {
        ...stamp(),
        rateLimit: request.rateLimit && rateLimitFrom(request.rateLimit),
        listMode: LIST_MODES.get(request.listMode),
        timeZone: timeZoneFrom(request.timeZone),
        traceRetentionDays:
          request.traceRetentionDays === 0 ? undefined : request.traceRetentionDays,
      });
      if (!updated) throw new Failure("NOT_FOUND", "There is no such organisation.");
      await publisher.publish(updated.change);
      return { organization: toOrganization(updated.organization) };
    },
    async createTeam(request, context) {
      const { orgId } = requireCaller(context);
      const team = await teams.create(orgId, {
        id: newId(),
        orgId,
        name: request.name,
        slug: request.slug,
        rateLimit: request.rateLimit ? rateLimitFrom(request.rateLimit) : NO_RATE_LIMIT,
        scopes: request.scopes && accessFrom(request.scopes),
        createTime: new Date(now()),
      });
      return { team: toTeam(team) };
    },
    async listTeams(request, context) {
      const page = pageRequestFrom(request, ["text", "uuid"]);
      const { items, cursor } = await teams.list(requireCaller(context).orgId, page);
      return { items: items.map(toTeam), cursor, hasMore: cursor !== "" };
    },
    async updateTeam(request, context) {
      const { orgId } = requireCaller(context);
      const updated = await teams.update(orgId, request.id, {
        ...stamp(),
        name: request.name,
        rateLimit: request.rateLimit && rateLimitFrom(request.rateLimit),
        scopes: request.scopes && accessFrom(request.scopes),
      });
      if (!updated) throw new Failure("NOT_FOUND", "The organisation has no such team.");
      await publisher.publish(updated.change);
      return { team: toTeam(updated.team) };
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

  function stamp(): ChangeStamp {
    return { changeId: newId(), time: new Date(now()) };
  }
}

const RATE_MAX = 1_000_000_000;

// The columns are 32-bit integers.
function bounded(rate: number): number {
  return Math.min(rate, RATE_MAX);
}

function rateLimitFrom({ rps, burst, mode }: RateLimitMessage): RateLimit {
  return { rps: bounded(rps), burst: bounded(burst), mode: policyModeFrom(mode) };
}

/** The message of a limit. */
export function toRateLimit({ rps, burst, mode }: RateLimit) {
  return { rps, burst, mode: toPolicyMode(mode) };
}

const LIST_MODES: ReadonlyMap<ListModeMessage, ListMode> = new Map([
  [ListModeMessage.STRICT, "strict"],
  [ListModeMessage.LENIENT, "lenient"],
  [ListModeMessage.LAST_KNOWN_GOOD, "last_known_good"],
]);

export function toListMode(mode: ListMode): ListModeMessage {
  for (const [message, name] of LIST_MODES) if (name === mode) return message;
  return ListModeMessage.UNSPECIFIED;
}

function timeZoneFrom(name: string): string | undefined {
  if (name === "") return undefined;
  if (isTimeZone(name)) return name;
  throw invalidRequest([
    { field: "time_zone", message: 'must be the IANA name of a time zone, like "Europe/Berlin"' },
  ]);
}

/** The message of an organisation. */
export function toOrganization(organization: Organization): OrganizationMessage {
  return create(OrganizationSchema, {
    id: organization.id,
    name: organization.name,
    slug: organization.slug,
    rateLimit: toRateLimit(organization.rateLimit),
    listMode: toListMode(organization.listMode),
    timeZone: organization.timeZone,
    traceRetentionDays: organization.traceRetentionDays,
    createTime: timestampFromDate(organization.createTime),
  });
}

function toTeam(team: Team): TeamMessage {
  return create(TeamSchema, {
    id: team.id,
    name: team.name,
    slug: team.slug,
    rateLimit: toRateLimit(team.rateLimit),
    ...(team.scopes && { scopes: toAccessFields(team.scopes) }),
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
