import { describe, expect, it } from "@jest/globals";
import type { Principal } from "../control/principal.ts";
import { createOwnedId, createStateSeal, ownerOf, type StatePurpose } from "./owned-ids.ts";

const OWNER = "0123456789abcdef";
const PURPOSE: StatePurpose = {
  principal: { keyIdText: "key-1", orgIdText: "org-1" } as unknown as Principal,
  serverId: "server-1",
  method: "tools/call",
  target: "ask",
  args: { question: "who?" },
};

describe("an owned id", () => {
  it("names its owner, sealed or not", () => {
    const id = createOwnedId(OWNER);
    expect(ownerOf(id)).toBe(OWNER);
    expect(ownerOf(createStateSeal("secret").seal(id, PURPOSE))).toBe(OWNER);
  });

  it("is another one each time", () => {
    expect(new Set(Array.from({ length: 100 }, () => createOwnedId(OWNER))).size).toBe(100);
  });

  it.each(["", "7", "gwo1", "gwo1.owner", "gwo2.owner.random", "e30.owner.random"])(
    "is none of ours: %j",
    (id) => {
      expect(ownerOf(id)).toBeUndefined();
    },
  );
});

describe("a sealed state", () => {
  const seal = createStateSeal("a secret");
  const id = createOwnedId(OWNER);
  const state = seal.seal(id, PURPOSE);

  it("opens for what it was made for, in every gateway that has the secret", () => {
    expect(createStateSeal("a secret").open(state, PURPOSE)).toBe(id);
  });

  it.each<[string, Partial<StatePurpose>]>([
    ["key", { principal: { keyIdText: "key-2", orgIdText: "org-1" } as unknown as Principal }],
    ["organisation", { principal: { keyIdText: "key-1", orgIdText: "o" } as unknown as Principal }],
    ["server", { serverId: "server-2" }],
    ["method", { method: "prompts/get" }],
    ["tool", { target: "delete" }],
    ["argument", { args: { question: "what?" } }],
  ])("does not open for another %s", (_what, change) => {
    expect(seal.open(state, { ...PURPOSE, ...change })).toBeUndefined();
  });

  it("does not open when it, or the secret, was changed", () => {
    const other = createOwnedId(OWNER);
    expect(seal.open(state.replace(id, other), PURPOSE)).toBeUndefined();
    expect(seal.open(id, PURPOSE)).toBeUndefined();
    expect(seal.open(`${state}AA`, PURPOSE)).toBeUndefined();
    expect(createStateSeal("another secret").open(state, PURPOSE)).toBeUndefined();
  });
});
