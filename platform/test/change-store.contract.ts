import { describe, expect, it } from "@jest/globals";
import { randomBytesPooled, uuidToText } from "@gatewayops/platform/ids";
import type { ChangeStore, PendingChange } from "../src/changes/change-store.ts";

/** A store of changes, and the way changes come into it. */
export type OpenChangeStore<Change extends PendingChange> = {
  readonly store: ChangeStore<Change>;
  readonly add: (change: Change) => Promise<void>;
};

const TIME = new Date("2026-03-04T05:06:07.089Z");
const newId = (): string => uuidToText(randomBytesPooled(16));
const later = (ms: number): Date => new Date(TIME.getTime() + ms);

/** What every store of changes does. `more` gives the properties that the service adds, several to try. */
export function describeChangeStore<Change extends PendingChange>(
  name: string,
  open: () => OpenChangeStore<Change>,
  more: readonly Omit<Change, keyof PendingChange>[],
): void {
  describe(`ChangeStore, ${name}`, () => {
    const changeOf = (orgId: string, createTime: Date, index = 0): Change =>
      ({
        id: newId(),
        orgId,
        invalidation: { kind: "server", orgId, name: "näme" },
        createTime,
        ...more[index],
      }) as Change;
    /** Of one organisation, since others use the same database. */
    const pending = async (store: ChangeStore<Change>, orgId: string, before: Date) =>
      (await store.pending(before, 1_000)).filter((change) => change.orgId === orgId);

    it("gives changes older than a time, the oldest first, with all they were added with", async () => {
      const { store, add } = open();
      const orgId = newId();
      const changes = [...more.keys()].map((index) => changeOf(orgId, later(index), index));
      for (const change of [...changes].reverse()) await add(change);
      expect(await pending(store, orgId, TIME)).toEqual([]);
      expect(await pending(store, orgId, later(1))).toEqual(changes.slice(0, 1));
      expect(await pending(store, orgId, later(1_000))).toEqual(changes);
    });

    it("gives no more than asked for", async () => {
      const { store, add } = open();
      for (const ms of [0, 1]) await add(changeOf(newId(), later(ms)));
      expect(await store.pending(later(1_000), 1)).toHaveLength(1);
    });

    it("forgets a change of the organisation, as often as asked", async () => {
      const { store, add } = open();
      const change = changeOf(newId(), TIME);
      await add(change);
      await store.remove(newId(), change.id);
      expect(await pending(store, change.orgId, later(1))).toHaveLength(1);
      for (let time = 0; time < 2; time += 1) await store.remove(change.orgId, change.id);
      expect(await pending(store, change.orgId, later(1))).toEqual([]);
    });
  });
}
