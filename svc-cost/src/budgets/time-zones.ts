import { Failure } from "@gatewayops/platform/errors";
import { failureFromConnect, isPeerAway } from "@gatewayops/platform/rpc/errors";

/** The time zones by whose calendars budgets last. */
export type TimeZones = {
  /**
   * IANA name of an organisation's time zone, as it is now or was at most `maxAgeMs` ago, default 60 s. The last one known
   * while svc-auth is away.
   *
   * @throws Failure AUTH_UNAVAILABLE when svc-auth is away and none is known, NOT_FOUND when there is no organisation
   */
  of(orgId: string, maxAgeMs?: number): Promise<string>;
};

export type TimeZonesOptions = {
  /** `ResolveOrganization` of svc-auth's client. */
  readonly lookUp: (request: {
    readonly orgId: string;
  }) => Promise<{ readonly organization?: { readonly timeZone: string } | undefined }>;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
};

const MAX_AGE_MS = 60_000;
const KEPT_MAX = 10_000;

export function createTimeZones({ lookUp, now }: TimeZonesOptions): TimeZones {
  const known = new Map<string, { readonly timeZone: string; readonly askedMs: number }>();
  return {
    async of(orgId, maxAgeMs = MAX_AGE_MS) {
      const found = known.get(orgId);
      const askedMs = now();
      if (found && askedMs - found.askedMs <= maxAgeMs) return found.timeZone;
      try {
        const { organization } = await lookUp({ orgId });
        const timeZone = organization?.timeZone ?? "";
        if (timeZone === "")
          throw new Failure("INTERNAL", "svc-auth answered without a time zone.");
        if (known.size >= KEPT_MAX) known.clear();
        known.set(orgId, { timeZone, askedMs });
        return timeZone;
      } catch (error) {
        const failure = isPeerAway(error) ? authAway(error) : failureFromConnect(error);
        if (found && failure.reason !== "NOT_FOUND") return found.timeZone;
        throw failure;
      }
    },
  };
}

/** The refusal of what only svc-auth can say. */
export function authAway(cause: unknown): Failure {
  return new Failure("AUTH_UNAVAILABLE", "The auth service does not answer. Try again shortly.", {
    retryAfterMs: 2_000,
    cause,
  });
}
