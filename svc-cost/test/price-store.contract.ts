import { describe, expect, it } from "@jest/globals";
import type { ChangeStore } from "@gatewayops/platform/changes/change-store";
import { uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import { requireSound, type PriceRule } from "../src/prices/price-rule.ts";
import type { NewPriceRule, PriceStore } from "../src/prices/price-store.ts";

/** Ids of rules made one after the other: within a millisecond their order is chance. */
let lastMs = Date.now();
const newId = (): string => uuidToText(uuidV7(++lastMs));
const stamp = () => ({ changeId: newId(), time: new Date("2026-03-04T05:06:07.089Z") });

const NO_PARTS = {
  perKbInUsdMicros: 0n,
  perKbOutUsdMicros: 0n,
  per1kInputTokensUsdMicros: 0n,
  per1kOutputTokensUsdMicros: 0n,
  perSecondUsdMicros: 0n,
  maxPerCallUsdMicros: 0n,
};
const HOUR_MS = 3_600_000;

type Asked = Partial<Omit<NewPriceRule, "server" | "tool">>;

/** A rule of a price per call, with what a test adds. */
export function newRule(server: string, tool: string, more: Asked = {}): NewPriceRule {
  const { effectiveTime, id = newId(), ...said } = more;
  const price = { server, tool, operation: "", perCallUsdMicros: 10n, ...NO_PARTS, ...said };
  return { ...requireSound(price), id, effectiveTime };
}

/** What every store of prices does. */
export function describePriceStore(
  name: string,
  open: () => { readonly prices: PriceStore; readonly changes: ChangeStore },
): void {
  const listed = (prices: PriceStore, org: string, includeEnded = false) =>
    prices.list(org, { after: undefined, limit: 100, includeEnded });
  const put = async (prices: PriceStore, org: string, rule: NewPriceRule): Promise<PriceRule> =>
    (await prices.replace(org, rule, stamp())).rule;
  const perCall = (micros: bigint, effectiveTime?: Date): NewPriceRule =>
    newRule("*", "*", { perCallUsdMicros: micros, effectiveTime });
  const ahead = (hours: number): Date => new Date(Date.now() + hours * HOUR_MS);
  /** Prices and times of rules in the order of making: what each costs, from when, until when. */
  const timesOf = (rules: readonly PriceRule[]) =>
    rules.map(({ perCallUsdMicros, effectiveTime, endTime }) => [
      perCallUsdMicros,
      effectiveTime,
      endTime,
    ]);

  describe(`PriceStore, ${name}`, () => {
    it("keeps all that a rule says", async () => {
      const { prices } = open();
      const org = newId();
      const asked = newRule("everything", "*", {
        operation: "*",
        perCallUsdMicros: 1n,
        perKbInUsdMicros: 2n,
        perKbOutUsdMicros: 3n,
        per1kInputTokensUsdMicros: 4n,
        per1kOutputTokensUsdMicros: 5n,
        perSecondUsdMicros: 6n,
        maxPerCallUsdMicros: 1_000_000_000n,
        honourReported: true,
      });
      const rule = await put(prices, org, asked);
      expect(rule).toMatchObject({ ...asked, effectiveTime: rule.createTime, endTime: undefined });
      expect(await listed(prices, org)).toEqual([rule]);
    });

    it("replaces the rule of the same server, tool and operation, for one organisation", async () => {
      const { prices } = open();
      const [org, other] = [newId(), newId()];
      const echo = (perCallUsdMicros: bigint) =>
        newRule("everything", "echo", { perCallUsdMicros });
      await put(prices, org, echo(1n));
      await put(prices, other, echo(2n));
      const now = await put(prices, org, echo(1_000_000_000n));
      expect(now).toMatchObject({
        perCallUsdMicros: 1_000_000_000n,
        maxPerCallUsdMicros: 1_000_000_000n,
      });
      expect(await listed(prices, org)).toEqual([now]);
      expect(await listed(prices, other)).toHaveLength(1);
      await put(prices, org, newRule("everything", "*", { operation: "*" }));
      await put(prices, org, newRule("everything", "*", { operation: "prompts/get" }));
      expect(await listed(prices, org)).toHaveLength(3);
    });

    it("leaves one rule in force when many replace it at once", async () => {
      const { prices } = open();
      const org = newId();
      await Promise.all(Array.from({ length: 8 }, (_, i) => put(prices, org, perCall(BigInt(i)))));
      expect(await listed(prices, org)).toHaveLength(1);
      expect(await listed(prices, org, true)).toHaveLength(8);
    });

    it("pages by server, tool, operation and making, in the order of their bytes", async () => {
      const { prices } = open();
      const org = newId();
      const keys = [
        ["*", "*", "*"],
        ["*", "*", "tools/call"],
        ["*", "Zeta", "tools/call"],
        ["*", "alpha", "tools/call"],
        ["files", "*", "tools/call"],
        ["files", "*", "tools/call"],
      ] as const;
      for (const [server, tool, operation] of [...keys].reverse())
        await put(prices, org, newRule(server, tool, { operation }));
      const page = { limit: 3, includeEnded: true };
      const first = await prices.list(org, { ...page, after: undefined });
      const second = await prices.list(org, { ...page, after: first.at(-1) });
      const rules = [...first, ...second];
      expect(rules.map(({ server, tool, operation }) => [server, tool, operation])).toEqual(keys);
      expect(await prices.list(org, { ...page, after: rules.at(-1) })).toEqual([]);
      expect(rules.at(-2)?.endTime).toEqual(rules.at(-1)?.effectiveTime);
    });

    it("ends a rule as often as asked, but never another organisation's", async () => {
      const { prices } = open();
      const org = newId();
      const { id } = await put(prices, org, perCall(1n));
      expect(await prices.end(newId(), id, stamp())).toBeUndefined();
      expect(await prices.end(org, id, stamp())).toBeDefined();
      const [ended] = await listed(prices, org, true);
      expect(ended?.endTime).toBeInstanceOf(Date);
      expect(await prices.end(org, id, stamp())).toBeDefined();
      expect(await listed(prices, org, true)).toEqual([ended]);
      expect(await listed(prices, org)).toEqual([]);
    });

    it("ends a rule when the next one to come begins", async () => {
      const { prices } = open();
      const org = newId();
      const [soon, later] = [ahead(1), ahead(2)];
      const first = await put(prices, org, perCall(1n));
      await put(prices, org, perCall(3n, later));
      await put(prices, org, perCall(2n, soon));
      expect(timesOf(await listed(prices, org))).toEqual([
        [1n, first.effectiveTime, soon],
        [3n, later, undefined],
        [2n, soon, later],
      ]);
      // A new price for now does not touch what was planned.
      const now = await put(prices, org, perCall(4n));
      expect(timesOf(await listed(prices, org))).toEqual([
        [3n, later, undefined],
        [2n, soon, later],
        [4n, now.effectiveTime, soon],
      ]);
      expect((await listed(prices, org, true))[0]?.endTime).toEqual(now.effectiveTime);
    });

    it("replaces a rule to come by one of the same time", async () => {
      const { prices } = open();
      const org = newId();
      const soon = ahead(1);
      const first = await put(prices, org, perCall(1n));
      await put(prices, org, perCall(2n, soon));
      await put(prices, org, perCall(3n, soon));
      expect(timesOf(await listed(prices, org, true))).toEqual([
        [1n, first.effectiveTime, soon],
        [2n, soon, soon],
        [3n, soon, undefined],
      ]);
      expect(await listed(prices, org)).toHaveLength(2);
    });

    it("withdraws a rule to come as if it had never been made", async () => {
      const { prices } = open();
      const org = newId();
      const [soon, later] = [ahead(1), ahead(2)];
      const first = await put(prices, org, perCall(1n));
      const planned = await put(prices, org, perCall(2n, soon));
      const last = await put(prices, org, perCall(3n, later));
      for (const time of ["once", "again"]) {
        await prices.end(org, planned.id, stamp());
        expect([time, ...timesOf(await listed(prices, org))]).toEqual([
          time,
          [1n, first.effectiveTime, later],
          [3n, later, undefined],
        ]);
      }
      await prices.end(org, last.id, stamp());
      expect(timesOf(await listed(prices, org))).toEqual([[1n, first.effectiveTime, undefined]]);
    });

    it("keeps what is to come when the rule in force is ended", async () => {
      const { prices } = open();
      const org = newId();
      const soon = ahead(1);
      const first = await put(prices, org, perCall(1n));
      const planned = await put(prices, org, perCall(2n, soon));
      await prices.end(org, first.id, stamp());
      expect(timesOf(await listed(prices, org))).toEqual([[2n, soon, undefined]]);
      await prices.end(org, planned.id, stamp());
      const [ended] = await listed(prices, org, true);
      expect(Number(ended?.endTime)).toBeLessThan(soon.getTime());
    });

    it("gives the book of what is in force and to come, and when it was read", async () => {
      const { prices } = open();
      const org = newId();
      const empty = await prices.book(org);
      expect(empty.rules).toEqual([]);
      expect(empty.readTime).toBeInstanceOf(Date);
      await put(prices, org, perCall(1n));
      const now = await put(prices, org, perCall(2n));
      const planned = await put(prices, org, perCall(3n, ahead(1)));
      const { rules, readTime } = await prices.book(org);
      expect(new Set(rules)).toEqual(
        new Set([{ ...now, endTime: planned.effectiveTime }, planned]),
      );
      expect(readTime.getTime()).toBeGreaterThanOrEqual(now.effectiveTime.getTime());
    });

    it("leaves each change to be told", async () => {
      const { prices, changes } = open();
      const org = newId();
      const { rule: made, change } = await prices.replace(org, perCall(1n), stamp());
      const ended = await prices.end(org, made.id, stamp());
      expect(change.invalidation).toEqual({ kind: "prices", orgId: org });
      const pending = await changes.pending(new Date(change.createTime.getTime() + 1), 1_000);
      const ids = pending.filter(({ orgId }) => orgId === org).map(({ id }) => id);
      expect(ids.sort()).toEqual([change.id, ended?.id].sort());
    });
  });
}
