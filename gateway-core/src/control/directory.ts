import { hash, randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@connectrpc/connect";
import type { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { ListMode } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import type { InternalBudgetService } from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import type { InternalCostService } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { parseApiKey } from "@gatewayops/platform/api-key";
import { Failure } from "@gatewayops/platform/errors";
import type { Invalidation } from "@gatewayops/platform/invalidation";
import { failureFromConnect, isPeerAway } from "@gatewayops/platform/rpc/errors";
import { createBudgetBook, type BudgetBook } from "../budgets/budget-book.ts";
import { createPriceBook, type PriceBook } from "./price-book.ts";
import { principalFrom, type DefaultLimit, type Principal } from "./principal.ts";
import { RefreshingCache } from "./refreshing-cache.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { UpstreamRegistry } from "../upstream/registry.ts";

/** What the gateway knows of keys, servers and prices: answers from memory, and from the services on a miss. */
export type Directory = {
  /**
   * The principal of a key if it is known; a promise when it must be asked; throws when it is refused.
   *
   * @param connection what the connection that carries the key remembers of it
   */
  principal(key: string, connection?: KeyMemo): Principal | Promise<Principal>;
  upstream(orgId: string, name: string): Upstream | Promise<Upstream>;
  /** The enabled servers of an organisation, to be served as one. */
  servers(orgId: string): OrgServers | Promise<OrgServers>;
  prices(orgId: string): PriceBook | Promise<PriceBook>;
  budgets(orgId: string): BudgetBook | Promise<BudgetBook>;
  /** Forgets what a change made wrong. */
  apply(change: Invalidation): void;
  /** Forgets everything, because changes may have been missed. */
  clear(): void;
};

/**
 * The last good key of a connection and its fingerprint: an agent sends the same key with each request, and hashing it
 * again tells nothing new. Whether the key is still good is looked up each time.
 */
export type KeyMemo = { key: string; print: string };

export type OrgServers = {
  /** By name. */
  readonly servers: readonly Upstream[];
  /** How lists are made while one of them does not answer. */
  readonly listMode: "strict" | "lenient" | "last_known_good";
};

export type DirectoryOptions = {
  readonly auth: Client<typeof InternalAuthService>;
  readonly cost: Client<typeof InternalCostService>;
  readonly budgets: Pick<Client<typeof InternalBudgetService>, "getBudgetBook">;
  readonly upstreams: UpstreamRegistry;
  readonly defaultLimit: DefaultLimit;
  readonly now: () => number;
  readonly onCache: (cache: string, hit: boolean) => void;
};

const KEY_TTL_MS = 5 * 60_000;
const SERVER_TTL_MS = 60_000;
const PRICES_TTL_MS = 60_000;
const REFUSAL_TTL_MS = 5_000;
const KEYS_MAX = 100_000;
const REFUSALS_MAX = 10_000;
const SERVERS_MAX = 20_000;
const ORGS_MAX = 10_000;
/** A service that restarts is waited for, since its absence is no fault of the agent's. */
const PEER_TRIES = 12;
const PEER_RETRY_MS = 250;

export function createDirectory(options: DirectoryOptions): Directory {
  const { auth, cost, upstreams, now } = options;
  // The caches hold no key in clear: they know them by a hash under a secret of this process. The secret stands
  // before the key in one hash, not in an HMAC, whose key handling costs Node ten times the hashing; what an HMAC
  // guards against, extending a known digest, needs a digest that leaves the process.
  const secret = randomBytes(32).toString("hex");
  const fingerprint = (key: string): string => hash("sha256", secret + key, "base64");
  const watch = (cache: string) => ({
    onHit: () => {
      options.onCache(cache, true);
    },
    onMiss: () => {
      options.onCache(cache, false);
    },
  });
  /** Keys being checked, by fingerprint. */
  const keysInFlight = new Map<string, string>();

  const principals = new RefreshingCache<Principal>({
    load: async (print) => {
      const key = keysInFlight.get(print) ?? "";
      return principalFrom(await ask(() => auth.validateKey({ key })), options.defaultLimit);
    },
    ttlMs: KEY_TTL_MS,
    refreshAhead: false,
    maxEntries: KEYS_MAX,
    now,
    ...watch("api_keys"),
  });
  // What was refused is remembered for a moment, so that repeating it does not reach the services.
  let changes = 0;
  const refusals = new Map<string, { failure: Failure; until: number }>();
  const servers = new RefreshingCache<Upstream>({
    load: async (path) => {
      const [orgId = "", name = ""] = path.split("/");
      const { server, knownTools } = await ask(() => auth.resolveServer({ orgId, name })).catch(
        (error: unknown) => {
          // One text for what is not there and what the key may not see.
          throw error instanceof Failure && error.reason === "SERVER_UNKNOWN"
            ? new Failure("SERVER_UNKNOWN", unknownServer(name))
            : error;
        },
      );
      if (!server) throw new Failure("SERVER_UNKNOWN", unknownServer(name));
      return upstreams.upstreamOf(server, knownTools);
    },
    ttlMs: SERVER_TTL_MS,
    refreshAhead: true,
    maxEntries: SERVERS_MAX,
    now,
    ...watch("mcp_servers"),
  });
  const ofOrgs = new RefreshingCache<OrgServers>({
    load: async (orgId) => {
      const answer = await ask(() => auth.listServers({ orgId }));
      return {
        servers: answer.servers.flatMap(({ server, tools }) =>
          server ? [upstreams.upstreamOf(server, tools)] : [],
        ),
        listMode: LIST_MODES.get(answer.listMode) ?? "lenient",
      };
    },
    ttlMs: SERVER_TTL_MS,
    refreshAhead: true,
    maxEntries: ORGS_MAX,
    now,
    ...watch("org_servers"),
  });
  const books = new RefreshingCache<PriceBook>({
    load: async (orgId) =>
      createPriceBook({ orgId, book: await ask(() => cost.getPriceBook({ orgId })), now }),
    ttlMs: PRICES_TTL_MS,
    refreshAhead: true,
    maxEntries: ORGS_MAX,
    now,
    ...watch("prices"),
  });
  const budgetBooks = new RefreshingCache<BudgetBook>({
    load: async (orgId) =>
      createBudgetBook(orgId, await ask(() => options.budgets.getBudgetBook({ orgId }))),
    ttlMs: PRICES_TTL_MS,
    refreshAhead: true,
    maxEntries: ORGS_MAX,
    now,
    ...watch("budgets"),
  });

  return {
    principal(key, connection) {
      const print = connection?.key === key ? connection.print : fingerprint(key);
      const known = principals.peek(print);
      if (known) {
        if (connection && connection.print !== print) Object.assign(connection, { key, print });
        return unexpired(known, now());
      }
      if (parseApiKey(key) === undefined)
        throw new Failure("KEY_INVALID", "The API key is not valid: it is incomplete or mistyped.");
      throwIfRefused(print);
      return askForKey(key, print);
    },
    upstream(orgId, name) {
      const path = `${orgId}/${name}`;
      const known = servers.peek(path);
      if (known) return known;
      throwIfRefused(path);
      const changesBefore = changes;
      return servers.load(path).catch((error: unknown) => {
        // A server that was registered while we asked is not unknown any more.
        if (
          error instanceof Failure &&
          error.reason === "SERVER_UNKNOWN" &&
          changes === changesBefore
        )
          refuse(path, error);
        throw error;
      });
    },
    servers: (orgId) => ofOrgs.peek(orgId) ?? ofOrgs.load(orgId),
    prices: (orgId) => books.peek(orgId) ?? books.load(orgId),
    budgets: (orgId) => budgetBooks.peek(orgId) ?? budgetBooks.load(orgId),
    apply(change) {
      changes++;
      switch (change.kind) {
        case "key":
          principals.dropWhere(({ keyIdText }) => keyIdText === change.keyId);
          refusals.clear();
          break;
        case "team":
          principals.dropWhere(({ teamIdText }) => teamIdText === change.teamId);
          break;
        case "server":
          ofOrgs.dropWhere((_, orgId) => orgId === change.orgId);
          servers.dropWhere((_, path) => path === `${change.orgId}/${change.name}`);
          refusals.delete(`${change.orgId}/${change.name}`);
          break;
        case "prices":
          books.dropWhere((_, orgId) => orgId === change.orgId);
          break;
        case "budgets":
          budgetBooks.dropWhere((_, orgId) => orgId === change.orgId);
          break;
        case "org":
          principals.dropWhere(({ orgIdText }) => orgIdText === change.orgId);
          servers.dropWhere((_, path) => path.startsWith(`${change.orgId}/`));
          ofOrgs.dropWhere((_, orgId) => orgId === change.orgId);
          books.dropWhere((_, orgId) => orgId === change.orgId);
          budgetBooks.dropWhere((_, orgId) => orgId === change.orgId);
          refusals.clear();
          break;
      }
    },
    clear() {
      principals.clear();
      servers.clear();
      ofOrgs.clear();
      books.clear();
      budgetBooks.clear();
      refusals.clear();
    },
  };

  function throwIfRefused(what: string): void {
    const refused = refusals.get(what);
    if (refused && refused.until > now()) throw refused.failure;
  }

  function refuse(what: string, failure: Failure): void {
    if (refusals.size >= REFUSALS_MAX) refusals.clear();
    refusals.set(what, { failure, until: now() + REFUSAL_TTL_MS });
  }

  async function askForKey(key: string, print: string): Promise<Principal> {
    keysInFlight.set(print, key);
    try {
      return unexpired(await principals.load(print), now());
    } catch (error) {
      if (error instanceof Failure && isRefusalOfKey(error)) refuse(print, error);
      throw error;
    } finally {
      keysInFlight.delete(print);
    }
  }
}

const LIST_MODES: ReadonlyMap<ListMode, OrgServers["listMode"]> = new Map([
  [ListMode.STRICT, "strict"],
  [ListMode.LENIENT, "lenient"],
  [ListMode.LAST_KNOWN_GOOD, "last_known_good"],
]);

function isRefusalOfKey({ reason, spec }: Failure): boolean {
  return spec.http === 401 || reason === "KEY_SUSPENDED";
}

/** Text for a server that is not there, or not for this key: one text, so that names cannot be guessed. */
export function unknownServer(name: string): string {
  return `There is no MCP server ${JSON.stringify(name.slice(0, 64))} for this key. \`GET /v1/servers\` lists those of the organisation.`;
}

function unexpired(principal: Principal, nowMs: number): Principal {
  if (nowMs >= principal.expireTimeMs)
    throw new Failure("KEY_EXPIRED", "The API key has expired. Make a new one in the console.");
  return principal;
}

/** Asks a service, waiting for it for a few seconds when it is away. */
async function ask<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!isPeerAway(error)) throw failureFromConnect(error);
      if (attempt >= PEER_TRIES)
        throw new Failure(
          "AUTH_UNAVAILABLE",
          "The control plane does not answer. Try again shortly.",
          {
            retryAfterMs: 2_000,
            cause: error,
          },
        );
      await delay(PEER_RETRY_MS);
    }
  }
}
