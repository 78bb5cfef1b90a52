import { encodeApiKey, parseApiKey } from "@gatewayops/platform/api-key";
import { randomBytesPooled, uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import { DEFAULT_SCOPES, type ApiKey } from "../src/keys/api-key.ts";
import type { NewKey } from "../src/keys/key-store.ts";
import {
  NO_RATE_LIMIT,
  type Organization,
  type Team,
  type User,
} from "../src/people/organization.ts";
import { NO_SETTINGS } from "../src/servers/server-settings.ts";
import type { McpServer } from "../src/servers/server.ts";
import type { Stores } from "../src/stores.ts";

/** A time that Postgres and JavaScript keep alike. */
export const TIME = new Date("2026-03-04T05:06:07.089Z");

let age = TIME.getTime();

/** Ids in the order in which they are made. */
export function newId(): string {
  age += 1;
  return uuidToText(uuidV7(age));
}

export function anOrganization(changes: Partial<Organization> = {}): Organization {
  const id = newId();
  return {
    id,
    name: "Acme",
    slug: `acme-${id}`,
    rateLimit: NO_RATE_LIMIT,
    listMode: "lenient",
    timeZone: "UTC",
    traceRetentionDays: 90,
    createTime: TIME,
    ...changes,
  };
}

export function aTeam(orgId: string, changes: Partial<Team> = {}): Team {
  const id = newId();
  return {
    id,
    orgId,
    name: "Core",
    slug: id,
    rateLimit: NO_RATE_LIMIT,
    scopes: undefined,
    createTime: TIME,
    ...changes,
  };
}

export function aUser(orgId: string, changes: Partial<User> = {}): User {
  const id = newId();
  return {
    id,
    orgId,
    email: `${id}@example.com`,
    name: "Ann",
    role: "org_member",
    createTime: TIME,
    lastLoginTime: undefined,
    ...changes,
  };
}

export function aServer(orgId: string, changes: Partial<McpServer> = {}): McpServer {
  return {
    id: newId(),
    orgId,
    name: "everything",
    url: "http://127.0.0.1:3001/mcp",
    timeoutMs: 30_000,
    enabled: true,
    settings: NO_SETTINGS,
    createTime: TIME,
    updateTime: TIME,
    ...changes,
  };
}

/** A key whose "hash" is its text in parentheses, which `plainHasher` compares. */
export function aKey(
  orgId: string,
  changes: Partial<ApiKey> = {},
): NewKey & { readonly text: string } {
  const text = encodeApiKey("test", randomBytesPooled(32));
  const parsed = parseApiKey(text);
  if (!parsed) throw new Error("no key");
  const key: ApiKey = {
    id: newId(),
    orgId,
    userId: undefined,
    teamId: undefined,
    name: "agent",
    environment: "test",
    prefix: parsed.prefix,
    scopes: DEFAULT_SCOPES,
    createTime: TIME,
    expireTime: undefined,
    lastUsedTime: undefined,
    revokeTime: undefined,
    suspendTime: undefined,
    ...changes,
  };
  return { key, hash: `(${text})`, checksum: parsed.checksum, text };
}

/** An organisation with a person and a team in a store. */
export async function seedOrg(stores: Stores) {
  const org = await stores.organizations.ensure(anOrganization());
  const user = await stores.users.create(org.id, aUser(org.id), "hash");
  const team = await stores.teams.create(org.id, aTeam(org.id));
  return { orgId: org.id, org, user, team };
}
