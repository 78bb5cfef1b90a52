import { createHash, randomBytes } from "node:crypto";
import { Failure } from "@gatewayops/platform/errors";
import type { Caller } from "@gatewayops/platform/rpc/caller";
import { normalizeEmail, type User } from "../people/organization.ts";
import type { OrganizationStore } from "../people/organization-store.ts";
import { orgPermissionsOf } from "../people/roles.ts";
import type { SignInCandidate, UserStore } from "../people/user-store.ts";
import { Secret } from "../secret.ts";
import type { PasswordHasher } from "./password-hasher.ts";
import type { SessionStore } from "./session-store.ts";
import {
  clearedBy,
  countersOf,
  WINDOW_MS,
  type SignInAttempt,
  type SignInCounters,
} from "./sign-in-throttle.ts";

/** Signs people in and knows who is. */
export type SessionKeeper = {
  /**
   * Checks a password and begins a session. The session that the request came with, if any, ends.
   *
   * @throws Failure SIGN_IN_FAILED without saying whether the address is known; SIGN_IN_THROTTLED after too many tries
   */
  signIn(request: SignInRequest): Promise<{ caller: Caller; sessionId: Secret }>;
  /** Who has the session, with the role they have now. @throws Failure SESSION_INVALID */
  validate(sessionId: Secret): Promise<Caller>;
  signOut(sessionId: Secret): Promise<void>;
};

export type SignInRequest = {
  readonly email: string;
  readonly password: Secret;
  readonly address: string;
  readonly previousSessionId: Secret | undefined;
};

export type SessionKeeperOptions = {
  readonly sessions: SessionStore;
  readonly counters: SignInCounters;
  readonly users: Pick<UserStore, "get" | "findForSignIn" | "recordLogin">;
  readonly organizations: Pick<OrganizationStore, "get">;
  readonly hasher: PasswordHasher;
  readonly now: () => number;
};

/** Milliseconds that a session lives after its last use, as the specification says. */
const SESSION_TTL_MS = 8 * 60 * 60_000;
/** Passwords that are compared for one address in several organisations. */
const CANDIDATES_MAX = 3;

export function createSessionKeeper(options: SessionKeeperOptions): SessionKeeper {
  const { sessions, counters, users, hasher, now } = options;
  let decoy: Promise<string> | undefined;
  return {
    async signIn(request) {
      const attempt = { email: normalizeEmail(request.email), address: request.address };
      await admit(attempt);
      const user = await userOf(attempt.email, request.password);
      const caller = await callerOf(user);
      const sessionId = new Secret(randomBytes(32).toString("base64url"));
      await sessions.create(
        hashOf(sessionId),
        { orgId: user.orgId, userId: user.id },
        SESSION_TTL_MS,
      );
      if (request.previousSessionId) await sessions.remove(hashOf(request.previousSessionId));
      await counters.clear(clearedBy(attempt));
      await users.recordLogin(user.orgId, user.id, new Date(now()));
      return { caller, sessionId };
    },
    async validate(sessionId) {
      const session = await sessions.touch(hashOf(sessionId), SESSION_TTL_MS);
      const user = session && (await users.get(session.orgId, session.userId));
      if (!user) throw new Failure("SESSION_INVALID", "The session has ended. Sign in again.");
      return callerOf(user);
    },
    async signOut(sessionId) {
      await sessions.remove(hashOf(sessionId));
    },
  };

  // Counted before the password is looked at, so that tries at the same time cannot pass the limit together.
  async function admit(attempt: SignInAttempt): Promise<void> {
    const limits = countersOf(attempt);
    const counts = await counters.add(
      limits.map((limit) => limit.name),
      WINDOW_MS,
    );
    const full = counts.filter(({ count }, index) => count > (limits[index]?.limit ?? 0));
    if (full.length === 0) return;
    throw new Failure("SIGN_IN_THROTTLED", "Too many sign-ins failed. Wait, then try again.", {
      retryAfterMs: Math.max(...full.map(({ leftMs }) => leftMs)),
    });
  }

  async function userOf(email: string, password: Secret): Promise<User> {
    const candidates = await users.findForSignIn(email, CANDIDATES_MAX);
    const [fitting] = await fittingOf(candidates, password);
    if (!fitting)
      throw new Failure("SIGN_IN_FAILED", "The e-mail address or the password is not right.");
    if (candidates.length > 1)
      throw new Failure(
        "SIGN_IN_FAILED",
        "This e-mail address belongs to several organisations, and sign-in cannot tell which one is meant. " +
          "Ask an administrator for an account with another address.",
      );
    return fitting.user;
  }

  // An unknown address costs a comparison too, so that the time of an answer does not tell it from a known one.
  async function fittingOf(
    candidates: readonly SignInCandidate[],
    password: Secret,
  ): Promise<SignInCandidate[]> {
    if (candidates.length === 0) {
      decoy ??= hasher.hash(new Secret(randomBytes(16).toString("hex")));
      await hasher.verify(password, await decoy);
      return [];
    }
    const fitting: SignInCandidate[] = [];
    for (const candidate of candidates)
      if (await hasher.verify(password, candidate.passwordHash)) fitting.push(candidate);
    return fitting;
  }

  async function callerOf(user: User): Promise<Caller> {
    const organization = await options.organizations.get(user.orgId);
    if (!organization) throw new Error("a user without an organisation");
    return {
      orgId: user.orgId,
      orgName: organization.name,
      userId: user.id,
      keyId: "",
      email: user.email,
      name: user.name === "" ? user.email : user.name,
      role: user.role,
      permissions: orgPermissionsOf(user.role),
      expireTime: new Date(now() + SESSION_TTL_MS),
    };
  }
}

function hashOf(sessionId: Secret): string {
  return createHash("sha256").update(sessionId.reveal()).digest("hex");
}
