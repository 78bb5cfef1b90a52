import { describe, expect, it } from "@jest/globals";
import type { ChangeStore } from "@gatewayops/platform/changes/change-store";
import { uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import type { PriceStore } from "../src/prices/price-store.ts";

const newId = (): string => uuidToText(uuidV7(Date.now()));
const rule = (server: string, tool: string, perCallUsdMicros = 10n) => ({
  id: newId(),
  server,
  tool,
  perCallUsdMicros,
});
const stamp = () => ({ changeId: newId(), time: new Date("2026-03-04T05:06:07.089Z") });

/** What every store of prices does. */
export function describePriceStore(
  name: string,
  open: () => { readonly prices: PriceStore; readonly changes: ChangeStore },
): void {
  describe(`PriceStore, ${name}`, () => {
    it("replaces the rule of the same server and tool, for one organisation", async () => {
      const { prices } = open();
      const [org, other] = [newId(), newId()];
      await prices.replace(org, rule("everything", "echo", 1n), stamp());
      await prices.replace(other, rule("everything", "echo", 2n), stamp());
      const { rule: now } = await prices.replace(
        org,
        rule("everything", "echo", 1_000_000_000n),
        stamp(),
      );
      expect(now.perCallUsdMicros).toBe(1_000_000_000n);
      expect(now.createTime).toBeInstanceOf(Date);
      expect(await prices.list(org, { after: undefined, limit: 10 })).toEqual([now]);
      expect(await prices.list(other, { after: undefined, limit: 10 })).toHaveLength(1);
    });

    it("leaves one rule in force when many replace it at once", async () => {
      const { prices } = open();
      const org = newId();
      await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          prices.replace(org, rule("*", "*", BigInt(i)), stamp()),
        ),
      );
      expect(await prices.list(org, { after: undefined, limit: 10 })).toHaveLength(1);
    });

    it("pages by server and tool, in the order of their bytes", async () => {
      const { prices } = open();
      const org = newId();
      const keys = [
        ["*", "*"],
        ["*", "Zeta"],
        ["*", "alpha"],
        ["files", "*"],
      ] as const;
      for (const [server, tool] of [...keys].reverse())
        await prices.replace(org, rule(server, tool), stamp());
      const first = await prices.list(org, { after: undefined, limit: 3 });
      const rest = await prices.list(org, { after: first.at(-1), limit: 3 });
      expect([...first, ...rest].map(({ server, tool }) => [server, tool])).toEqual(keys);
    });

    it("ends a rule as often as asked, but never another organisation's", async () => {
      const { prices } = open();
      const org = newId();
      const { id } = (await prices.replace(org, rule("*", "*"), stamp())).rule;
      expect(await prices.end(newId(), id, stamp())).toBeUndefined();
      expect(await prices.end(org, id, stamp())).toBeDefined();
      expect(await prices.end(org, id, stamp())).toBeDefined();
      expect(await prices.list(org, { after: undefined, limit: 10 })).toEqual([]);
    });

    it("leaves each change to be told", async () => {
      const { prices, changes } = open();
      const org = newId();
      const { rule: made, change } = await prices.replace(org, rule("*", "*"), stamp());
      const ended = await prices.end(org, made.id, stamp());
      expect(change.invalidation).toEqual({ kind: "prices", orgId: org });
      const pending = await changes.pending(new Date(change.createTime.getTime() + 1), 1_000);
      const ids = pending.filter(({ orgId }) => orgId === org).map(({ id }) => id);
      expect(ids.sort()).toEqual([change.id, ended?.id].sort());
    });
  });
}
