import type { AccessScopes } from "../access/access-scopes.ts";
import type { PolicyMode } from "../access/policy-mode.ts";

/** Calls per second that an owner's keys may make together. */
export type RateLimit = {
  /** Sustained calls per second. 0: no limit. */
  readonly rps: number;
  /** Calls that may come at once above the sustained rate. */
  readonly burst: number;
  readonly mode: PolicyMode;
};

export const NO_RATE_LIMIT: RateLimit = { rps: 0, burst: 0, mode: "enforce" };

/** How lists of the aggregated server are made while one of its servers does not answer. */
export type ListMode = "strict" | "lenient" | "last_known_good";

/** A tenant. */
export type Organization = {
  readonly id: string;
  readonly name: string;
  /** Name in URLs, unique. */
  readonly slug: string;
  readonly rateLimit: RateLimit;
  readonly listMode: ListMode;
  /** IANA name of the time zone by whose calendar its budgets last. */
  readonly timeZone: string;
  /** Days for which calls and traces are kept. */
  readonly traceRetentionDays: number;
  readonly createTime: Date;
};

/** Days for which calls and traces are kept where an organisation says nothing: the specification's. */
export const TRACE_RETENTION_DAYS = 90;

/** A group of people whose calls are counted together. */
export type Team = {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  /** Name in URLs, unique in the organisation. */
  readonly slug: string;
  readonly rateLimit: RateLimit;
  /** What its keys may reach. Undefined: it restricts nothing. */
  readonly scopes: AccessScopes | undefined;
  readonly createTime: Date;
};

/** A person. */
export type User = {
  readonly id: string;
  readonly orgId: string;
  /** Lower case, unique in the organisation. */
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly createTime: Date;
  readonly lastLoginTime: Date | undefined;
};

/** The form in which e-mail addresses are kept and compared. */
export function normalizeEmail(email: string): string {
  return email.trim().toLowerCase();
}
