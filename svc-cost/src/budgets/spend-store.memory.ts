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
    refusals: () => Promise.resolve(new Map()),
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
