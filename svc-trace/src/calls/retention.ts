import type { Logger } from "@gatewayops/platform/log";

/** For how many days records of organisations are kept. */
export type RetentionBook = {
  /**
   * The days of organisations, by UUID. Never throws: of an organisation that svc-auth does not tell of in time, what was
   * known last, else `DEFAULT_RETENTION_DAYS`. What is kept too long can still be deleted.
   */
  resolve(orgIds: ReadonlySet<string>): Promise<(orgId: string) => number>;
};

/** What a book needs. */
export type RetentionBookOptions = {
  /** Asks svc-auth: `ResolveOrganization` of its client. */
  readonly lookUp: (request: {
    readonly orgId: string;
  }) => Promise<{ readonly organization?: { readonly traceRetentionDays: number } | undefined }>;
  readonly log: Logger;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Milliseconds `resolve` waits for svc-auth. Default 500. */
  readonly deadlineMs?: number;
};

/** Days where nothing else is known: the specification's. */
export const DEFAULT_RETENTION_DAYS = 90;

/** Milliseconds for which an answer is believed. */
const BELIEVED_MS = 60_000;
/** Milliseconds until svc-auth is asked again of an organisation that it did not tell of. */
const RETRY_MS = 2_000;
const ORGS_MAX = 50_000;
/** Questions asked at the same time. */
const QUESTIONS_MAX = 16;

type Known = { readonly days: number | undefined; readonly until: number };

export function createRetentionBook(options: RetentionBookOptions): RetentionBook {
  const { now, log } = options;
  const known = new Map<string, Known>();
  const asked = new Set<string>();
  let round: Promise<unknown> | undefined;
  let isSilent = false;

  return {
    async resolve(orgIds) {
      const missing = [...orgIds].filter((id) => (known.get(id)?.until ?? 0) <= now());
      for (const id of missing) asked.add(id);
      if (asked.size > 0) {
        round ??= askAll().finally(() => (round = undefined));
        // An answer that is no longer believed serves until there is a new one; only who has none waits.
        if (missing.some((id) => known.get(id)?.days === undefined)) await settled(round);
      }
      return (orgId) => known.get(orgId)?.days ?? DEFAULT_RETENTION_DAYS;
    },
  };

  async function askAll(): Promise<void> {
    const worker = async (): Promise<void> => {
      for (const orgId of asked) {
        asked.delete(orgId);
        await ask(orgId);
      }
    };
    await Promise.all(Array.from({ length: Math.min(QUESTIONS_MAX, asked.size) }, worker));
  }

  async function ask(orgId: string): Promise<void> {
    try {
      const { organization } = await options.lookUp({ orgId });
      const days = organization?.traceRetentionDays;
      learn(orgId, { days, until: now() + BELIEVED_MS });
      isSilent = false;
    } catch (error) {
      // Once for each time it goes away, not for each attempt.
      if (!isSilent)
        log.warn(
          { err: error },
          "svc-auth does not say how long records are kept; going by what is known",
        );
      isSilent = true;
      learn(orgId, { days: known.get(orgId)?.days, until: now() + RETRY_MS });
    }
  }

  function learn(orgId: string, entry: Known): void {
    // In the order of last writing: the oldest go first.
    known.delete(orgId);
    known.set(orgId, entry);
    for (const id of known.keys()) {
      if (known.size <= ORGS_MAX) return;
      known.delete(id);
    }
  }

  async function settled(answers: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, options.deadlineMs ?? 500);
    });
    await Promise.race([answers, deadline]);
    clearTimeout(timer);
  }
}
