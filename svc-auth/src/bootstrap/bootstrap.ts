import { parseApiKey } from "@gatewayops/platform/api-key";
import type { ChangePublisher } from "@gatewayops/platform/changes/change-publisher";
import { Failure, type FieldProblem } from "@gatewayops/platform/errors";
import type { AuthChange } from "../changes/auth-change.ts";
import type { Clock } from "../clock.ts";
import type { KeyScopes } from "../keys/api-key.ts";
import type { KeyHasher } from "../keys/key-hasher.ts";
import { NO_RATE_LIMIT, normalizeEmail, TRACE_RETENTION_DAYS } from "../people/organization.ts";
import type { Secret } from "../secret.ts";
import { NO_SETTINGS } from "../servers/server-settings.ts";
import { NO_TIMEOUT_MS, requireOperatorUrl, requireServerName } from "../servers/server.ts";
import type { PasswordHasher } from "../sessions/password-hasher.ts";
import type { Stores } from "../stores.ts";

/** What the first organisation is made of. */
export type BootstrapPlan = {
  readonly orgName: string;
  readonly orgSlug: string;
  readonly teamName: string;
  readonly teamSlug: string;
  readonly adminEmail: string;
  readonly adminPassword: Secret;
  readonly apiKey: Secret;
  readonly apiKeyName: string;
  readonly apiKeyScopes: KeyScopes;
  readonly servers: readonly { readonly name: string; readonly url: string }[];
};

export type BootstrapResult = {
  readonly orgId: string;
  readonly teamId: string;
  readonly adminUserId: string;
  readonly apiKeyId: string;
};

export type BootstrapOptions = Clock & {
  readonly stores: Stores;
  readonly keyHasher: KeyHasher;
  readonly passwordHasher: PasswordHasher;
  readonly publisher: Pick<ChangePublisher<AuthChange>, "publish">;
  /** Ends cached answers about a key, so that one tried before it was made is known at once. */
  readonly fenceKey: (prefix: string) => Promise<void>;
};

/**
 * Makes the first organisation, or finds it again by its slug. Each step finds what an earlier call made, so it may be
 * repeated, raced and killed at any point. A key that was revoked stays revoked: a person wanted that.
 *
 * @throws Failure REQUEST_INVALID before anything is made; CONFLICT when the key belongs to another organisation
 */
export async function bootstrap(
  plan: BootstrapPlan,
  options: BootstrapOptions,
): Promise<BootstrapResult> {
  const { stores, newId } = options;
  const parsed = requireValid(plan);
  const time = new Date(options.now());
  const org = await stores.organizations.ensure({
    id: newId(),
    name: plan.orgName,
    slug: plan.orgSlug,
    rateLimit: NO_RATE_LIMIT,
    listMode: "lenient",
    timeZone: "UTC",
    traceRetentionDays: TRACE_RETENTION_DAYS,
    createTime: time,
  });
  const team = await stores.teams.ensure(org.id, {
    id: newId(),
    orgId: org.id,
    name: plan.teamName,
    slug: plan.teamSlug,
    rateLimit: NO_RATE_LIMIT,
    scopes: undefined,
    createTime: time,
  });
  const admin = await stores.users.ensure(org.id, {
    id: newId(),
    orgId: org.id,
    email: normalizeEmail(plan.adminEmail),
    name: "",
    role: "org_admin",
    createTime: time,
    lastLoginTime: undefined,
  });
  await setPassword(org.id, admin.id);
  await stores.teams.setMember(org.id, {
    teamId: team.id,
    userId: admin.id,
    role: "team_admin",
    createTime: time,
  });
  const apiKeyId = await ensureKey(org.id, { userId: admin.id, teamId: team.id });
  for (const server of plan.servers) await ensureServer(org.id, server);
  return { orgId: org.id, teamId: team.id, adminUserId: admin.id, apiKeyId };

  async function setPassword(orgId: string, userId: string): Promise<void> {
    const known = await stores.users.passwordHash(orgId, userId);
    if (known !== undefined && (await options.passwordHasher.verify(plan.adminPassword, known)))
      return;
    const hash = await options.passwordHasher.hash(plan.adminPassword);
    await stores.users.setPassword(orgId, userId, hash, time);
  }

  async function ensureKey(
    orgId: string,
    owner: { readonly userId: string; readonly teamId: string },
  ): Promise<string> {
    const found = await foundKey(orgId);
    if (found !== undefined) return found;
    const id = newId();
    const hash = await options.keyHasher.hash(plan.apiKey.reveal());
    try {
      await stores.keys.create(orgId, {
        key: {
          id,
          orgId,
          ...owner,
          name: plan.apiKeyName,
          environment: parsed.environment,
          prefix: parsed.prefix,
          scopes: plan.apiKeyScopes,
          createTime: time,
          expireTime: undefined,
          lastUsedTime: undefined,
          revokeTime: undefined,
          suspendTime: undefined,
        },
        hash,
        checksum: parsed.checksum,
      });
    } catch (error) {
      if (!(error instanceof Failure && error.reason === "ALREADY_EXISTS")) throw error;
      // Another call made it at the same time.
      const other = await foundKey(orgId);
      if (other === undefined) throw error;
      return other;
    }
    // Refusals of the key end by themselves within seconds when Redis is away.
    await options.fenceKey(parsed.prefix).catch(() => undefined);
    return id;
  }

  async function foundKey(orgId: string): Promise<string | undefined> {
    const candidate = await stores.keys.findByPrefix(parsed.prefix, parsed.checksum);
    if (!candidate) return undefined;
    const { key } = candidate.principal;
    if (
      key.orgId !== orgId ||
      !(await options.keyHasher.verify(plan.apiKey.reveal(), candidate.hash))
    )
      throw new Failure("CONFLICT", "The API key belongs to something else. Make another one.");
    const changed = await stores.keys.update(
      orgId,
      key.id,
      { name: plan.apiKeyName, scopes: plan.apiKeyScopes },
      { changeId: newId(), time },
    );
    await options.publisher.publish(changed?.change);
    return key.id;
  }

  async function ensureServer(
    orgId: string,
    wanted: { readonly name: string; readonly url: string },
  ): Promise<void> {
    const known = await stores.servers.get(orgId, wanted.name);
    if (known?.url === wanted.url) return;
    const edit = { changeId: newId(), time, url: wanted.url };
    if (known) {
      const updated = await stores.servers.update(orgId, wanted.name, edit);
      await options.publisher.publish(updated?.change);
      return;
    }
    const server = {
      id: newId(),
      orgId,
      ...wanted,
      timeoutMs: NO_TIMEOUT_MS,
      enabled: true,
      settings: NO_SETTINGS,
      createTime: time,
      updateTime: time,
    };
    try {
      await options.publisher.publish(await stores.servers.create(orgId, server, newId()));
    } catch (error) {
      if (!(error instanceof Failure && error.reason === "ALREADY_EXISTS")) throw error;
      const updated = await stores.servers.update(orgId, wanted.name, edit);
      await options.publisher.publish(updated?.change);
    }
  }
}

function requireValid(plan: BootstrapPlan): NonNullable<ReturnType<typeof parseApiKey>> {
  const problems: FieldProblem[] = [];
  const insist = (field: string, holds: boolean, message: string): void => {
    if (!holds) problems.push({ field, message });
  };
  insist("org_name", plan.orgName !== "", "must not be empty");
  insist("org_slug", SLUG.test(plan.orgSlug), 'use a-z, 0-9 and "-"');
  insist("team_name", plan.teamName !== "", "must not be empty");
  insist("team_slug", SLUG.test(plan.teamSlug), 'use a-z, 0-9 and "-"');
  insist("admin_email", plan.adminEmail.includes("@"), "must be an e-mail address");
  insist("admin_password", plan.adminPassword.reveal().length >= 12, "at least 12 characters");
  insist("api_key_name", plan.apiKeyName !== "", "must not be empty");
  const parsed = parseApiKey(plan.apiKey.reveal());
  insist("api_key", parsed !== undefined, "is not in the key format, or its checksum is wrong");
  for (const server of plan.servers) {
    requireServerName(server.name);
    requireOperatorUrl(server.url);
  }
  if (problems.length === 0 && parsed) return parsed;
  throw new Failure(
    "REQUEST_INVALID",
    problems.map(({ field, message }) => `${field}: ${message}`).join("; "),
    { details: problems },
  );
}

const SLUG = /^[a-z0-9][a-z0-9-]{0,99}$/;
