import { describe, expect, it } from "@jest/globals";
import { uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import type { Spend } from "../src/budgets/spend-store.memory.ts";
import type { SpendStore } from "../src/budgets/spend-store.ts";

const newId = (): string => uuidToText(uuidV7(Date.now()));
const HOUR_MS = 3_600_000;
/** Midnight, UTC, of a day that the ledger keeps. */
const DAY_MS = Math.floor(Date.now() / (24 * HOUR_MS)) * 24 * HOUR_MS - 24 * HOUR_MS;
const span = { startMs: DAY_MS, endMs: DAY_MS + 24 * HOUR_MS };

/** What every store of spend does. */
export function describeSpendStore(
  name: string,
  open: () => { readonly spend: SpendStore; add(spends: readonly Spend[]): Promise<void> },
): void {
  describe(`SpendStore, ${name}`, () => {
    it("sums by scope what was spent in a span", async () => {
      const { spend, add } = open();
      const [orgId, other] = [newId(), newId()];
      const [teamId, userId, keyId, serverId] = [newId(), newId(), newId(), newId()];
      const all = { teamId, userId, keyId, serverId };
      const at = (timeMs: number, costUsdMicros: bigint, more: Partial<Spend> = {}): Spend => ({
        orgId,
        timeMs,
        costUsdMicros,
        ...more,
      });
      await add([
        at(span.startMs - 1, 1n, all),
        at(span.startMs, 10n, all),
        at(span.startMs + HOUR_MS, 100n, { teamId, keyId }),
        at(span.startMs + HOUR_MS, 1_000n, { userId, serverId }),
        at(span.endMs - 1, 10_000_000_000n, { teamId: newId() }),
        at(span.endMs, 100_000n, all),
        { ...at(span.startMs, 1_000_000n, all), orgId: other },
      ]);
      const spends = await spend.spends(orgId, span, [
        { scopeType: "key", scopeId: keyId },
        { scopeType: "org", scopeId: undefined },
        { scopeType: "team", scopeId: teamId },
        { scopeType: "user", scopeId: userId },
        { scopeType: "server", scopeId: serverId },
        { scopeType: "team", scopeId: newId() },
        { scopeType: "user", scopeId: teamId },
        { scopeType: "project", scopeId: teamId },
        { scopeType: "key", scopeId: keyId },
      ]);
      expect(spends).toEqual([110n, 10_000_001_110n, 110n, 1_010n, 1_010n, 0n, 0n, 0n, 110n]);
      expect(await spend.spends(orgId, span, [])).toEqual([]);
    });

    it("tells what was spent between one bound and the next", async () => {
      const { spend, add } = open();
      const orgId = newId();
      const teamId = newId();
      const bounds = [0, 24, 47, 72].map((hours) => DAY_MS - 72 * HOUR_MS + hours * HOUR_MS);
      const [first = 0, second = 0, , last = 0] = bounds;
      await add([
        { orgId, timeMs: first - 1, costUsdMicros: 1n, teamId },
        { orgId, timeMs: first, costUsdMicros: 2n, teamId },
        { orgId, timeMs: second - 1, costUsdMicros: 3n },
        { orgId, timeMs: last - 1, costUsdMicros: 4n, teamId },
        { orgId, timeMs: last, costUsdMicros: 5n, teamId },
      ]);
      const org = { scopeType: "org", scopeId: undefined } as const;
      expect(await spend.history(orgId, org, bounds)).toEqual([5n, 0n, 4n]);
      const team = { scopeType: "team", scopeId: teamId } as const;
      expect(await spend.history(orgId, team, bounds)).toEqual([2n, 0n, 4n]);
      const project = { scopeType: "project", scopeId: teamId } as const;
      expect(await spend.history(orgId, project, bounds)).toEqual([0n, 0n, 0n]);
    });

    it("counts the calls that a budget refused, or would have, between one bound and the next", async () => {
      const { spend, add } = open();
      const [orgId, one, two] = [newId(), newId(), newId()];
      const bounds = [0, 24, 48].map((hours) => DAY_MS - 48 * HOUR_MS + hours * HOUR_MS);
      const [first = 0, second = 0, last = 0] = bounds;
      const at = (timeMs: number, budgetId: string): Spend => ({
        ...{ orgId, timeMs, budgetId, costUsdMicros: 0n },
      });
      await add([
        ...[at(first - 1, one), at(first, one), at(second - 1, one), at(second, one)],
        ...[at(last - 1, two), at(last, two), { ...at(first, one), orgId: newId() }],
        { orgId, timeMs: first, costUsdMicros: 5n },
      ]);
      expect(await spend.refusals(orgId, bounds)).toEqual(
        new Map([
          [one, [2n, 1n]],
          [two, [0n, 1n]],
        ]),
      );
    });
  });
}
