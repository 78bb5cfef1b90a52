import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { createChangePublisher } from "@gatewayops/platform/changes/change-publisher";
import type { Invalidation } from "@gatewayops/platform/invalidation";
import type { Logger } from "@gatewayops/platform/log";
import type { AdminEvent } from "@gatewayops/platform/streams/admin-events";
import type { Caller } from "@gatewayops/platform/rpc/caller";
import { ApiKeyService } from "@gatewayops/proto/gatewayops/auth/v1/api_key_service_pb";
import { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { OrganizationService } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";
import { SessionService } from "@gatewayops/proto/gatewayops/auth/v1/session_service_pb";
import { createLocalAuthenticator } from "./authenticator.ts";
import { createChangeTeller } from "./changes/auth-change.ts";
import type { Clock } from "./clock.ts";
import { createInternalRpc } from "./internal-rpc.ts";
import { createActivityCount } from "./keys/activity-count.ts";
import type { KeyCache } from "./keys/key-cache.ts";
import type { KeyHasher } from "./keys/key-hasher.ts";
import { createKeyMaker } from "./keys/key-maker.ts";
import { createKeyRpc } from "./keys/key-rpc.ts";
import type { KeyActivity } from "./keys/key-store.ts";
import { createKeyValidator, type KeyValidatorOptions } from "./keys/key-validator.ts";
import { createLastUsedWriter } from "./keys/last-used-writer.ts";
import { createPeopleRpc } from "./people/people-rpc.ts";
import { createServerRpc } from "./servers/server-rpc.ts";
import type { PasswordHasher } from "./sessions/password-hasher.ts";
import { createSessionKeeper } from "./sessions/session-keeper.ts";
import { createSessionRpc } from "./sessions/session-rpc.ts";
import type { SessionStore } from "./sessions/session-store.ts";
import type { SignInCounters } from "./sessions/sign-in-throttle.ts";
import type { Stores } from "./stores.ts";

export type AuthServiceOptions = Clock & {
  readonly stores: Stores;
  readonly keyCache: KeyCache;
  readonly sessions: SessionStore;
  readonly signInCounters: SignInCounters;
  readonly keyHasher: KeyHasher;
  readonly passwordHasher: PasswordHasher;
  /** HMAC of a key, by which it is recognised outside the database. */
  readonly fingerprint: (key: string) => string;
  readonly broadcast: (change: Invalidation) => Promise<void>;
  /** Tells administrators. */
  readonly raise: (event: AdminEvent) => Promise<void>;
  readonly observeEvent: (kind: AdminEvent["kind"]) => void;
  readonly secureCookies: boolean;
  readonly observeValidation: KeyValidatorOptions["observe"];
  readonly observeActivity: (counts: KeyActivity | undefined) => void;
  readonly log: Logger;
};

/** The service without its servers and clients. */
export type AuthService = {
  readonly services: readonly DescService[];
  readonly routes: (router: ConnectRouter) => void;
  readonly authenticate: (headers: Headers) => Promise<Caller | undefined>;
  /** Work to be done every second: tells changes that are left over. */
  readonly sweepChanges: () => Promise<number>;
  /** Work to be done every few seconds and at the end: writes when keys were used. */
  readonly writeLastUses: () => Promise<void>;
  /** Work to be done every half a minute: counts keys and organisations for metrics. */
  readonly countActivity: () => Promise<void>;
};

export function createAuthService(options: AuthServiceOptions): AuthService {
  const { stores, keyHasher: hasher, passwordHasher, keyCache, log, now, newId } = options;
  const fenceKey = (prefix: string): Promise<void> => keyCache.fence(prefix);
  const publisher = createChangePublisher({
    store: stores.changes,
    tell: createChangeTeller({
      fenceKey,
      prefixes: (orgId, query) => stores.keys.prefixes(orgId, query),
      broadcast: options.broadcast,
      async raise(event) {
        await options.raise(event);
        log.warn({ ...event }, "the definition of a tool changed");
        options.observeEvent(event.kind);
      },
    }),
    now,
    log,
  });
  const lastUsed = createLastUsedWriter({ store: stores.keys, now, log });
  const validator = createKeyValidator({
    store: stores.keys,
    cache: keyCache,
    hasher,
    fingerprint: options.fingerprint,
    now,
    onUse: (principal) => {
      lastUsed.note(principal.key);
    },
    observe: options.observeValidation,
  });
  const keeper = createSessionKeeper({
    sessions: options.sessions,
    counters: options.signInCounters,
    users: stores.users,
    organizations: stores.organizations,
    hasher: passwordHasher,
    now,
  });
  const clock: Clock = { now, newId };
  const maker = createKeyMaker({ ...clock, keys: stores.keys, teams: stores.teams, hasher });
  const keyRpc = createKeyRpc({ ...clock, keys: stores.keys, maker, publisher });
  const peopleRpc = createPeopleRpc({ ...clock, ...stores, hasher: passwordHasher, publisher });
  const serverRpc = createServerRpc({ ...clock, ...stores, publisher });
  const sessionRpc = createSessionRpc({ keeper, secureCookies: options.secureCookies });
  const internalRpc = createInternalRpc({
    ...clock,
    stores,
    validator,
    keeper,
    publisher,
    keyHasher: hasher,
    passwordHasher,
    fenceKey,
  });
  return {
    services: [
      ApiKeyService,
      OrganizationService,
      McpServerService,
      SessionService,
      InternalAuthService,
    ],
    routes(router) {
      router.service(ApiKeyService, keyRpc);
      router.service(OrganizationService, peopleRpc);
      router.service(McpServerService, serverRpc);
      router.service(SessionService, sessionRpc);
      router.service(InternalAuthService, internalRpc);
    },
    authenticate: createLocalAuthenticator({ validator, keeper }),
    sweepChanges: () => publisher.sweep(),
    writeLastUses: () => lastUsed.flush(),
    countActivity: createActivityCount({ store: stores.keys, tell: options.observeActivity, now }),
  };
}
