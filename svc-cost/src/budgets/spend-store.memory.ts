import type { SpendScope, SpendStore } from "./spend-store.ts";

/** What was spent in a minute by whom. */
export type Spend = {
  readonly orgId: string;
  readonly timeMs: number;
  readonly costUsdMicros: bigint;
  readonly teamId?: string;
  readonly userId?: string;
  readonly keyId?: string;
  readonly serverId?: string;
  /** Budget that refused the call, or would have. */
  readonly budgetId?: string;
};

/** Sums up the list, which may grow meanwhile. */
export function createMemorySpendStore(all: readonly Spend[]): SpendStore {
  const sum = (orgId: string, scope: SpendScope, startMs: number, endMs: number): bigint =>
    all
      .filter((spend) => spend.orgId === orgId && isOf(spend, scope))
      .filter(({ timeMs }) => timeMs >= startMs && timeMs < endMs)
      .reduce((total, { costUsdMicros }) => total + costUsdMicros, 0n);
  return {
    spends: (orgId, { startMs, endMs }, scopes) =>
      Promise.resolve(scopes.map((scope) => sum(orgId, scope, startMs, endMs))),
    history: (orgId, scope, boundsMs) =>
      Promise.resolve(
        boundsMs.slice(1).map((endMs, index) => sum(orgId, scope, boundsMs[index] ?? 0, endMs)),
      ),
    refusals(orgId, boundsMs) {
      const refused = new Map<string, bigint[]>();
      for (const { budgetId, timeMs, ...spend } of all) {
        const place = boundsMs.findLastIndex((boundMs) => timeMs >= boundMs);
        if (spend.orgId !== orgId || budgetId === undefined) continue;
        if (place < 0 || place >= boundsMs.length - 1) continue;
        const counts = refused.get(budgetId) ?? boundsMs.slice(1).map(() => 0n);
        counts[place] = (counts[place] ?? 0n) + 1n;
        refused.set(budgetId, counts);
      }
      return Promise.resolve(refused);
    },
  };
}

function isOf(spend: Spend, { scopeType, scopeId }: SpendScope): boolean {
  switch (scopeType) {
    case "org":
      return true;
    case "team":
      return spend.teamId === scopeId;
    case "user":
      return spend.userId === scopeId;
    case "key":
      return spend.keyId === scopeId;
    case "server":
      return spend.serverId === scopeId;
    case "project":
      return false;
  }
}
