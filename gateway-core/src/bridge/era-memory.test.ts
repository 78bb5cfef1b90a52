import { describe, expect, it } from "@jest/globals";
import { EraMemory } from "./era-memory.ts";
import type { FoundEra } from "./era-probe.ts";

/** A memory whose probes find what the test says, one after the other. */
function createMemory(...finds: (FoundEra | Error)[]) {
  const state = { now: 0, probes: 0 };
  const memory = new EraMemory(
    () => {
      const found = finds[state.probes++];
      return found instanceof Error || !found
        ? Promise.reject(found ?? new Error("none"))
        : Promise.resolve(found);
    },
    () => state.now,
  );
  return { memory, state };
}

const FIVE_MINUTES = 300_000;

describe("EraMemory", () => {
  it("asks once, also for callers at the same time, and remembers for ever", async () => {
    const { memory, state } = createMemory({ era: "modern", isCertain: true });
    expect(await Promise.all([memory.era(), memory.era()])).toEqual(["modern", "modern"]);
    state.now = 1_000 * FIVE_MINUTES;
    expect(await memory.era()).toBe("modern");
    expect(state.probes).toBe(1);
  });

  it("asks a silent server again after five minutes", async () => {
    const { memory, state } = createMemory(
      { era: "legacy", isCertain: false },
      { era: "modern", isCertain: true },
    );
    expect(await memory.era()).toBe("legacy");
    state.now = FIVE_MINUTES;
    expect(await memory.era()).toBe("legacy");
    state.now = FIVE_MINUTES + 1;
    expect(await memory.era()).toBe("modern");
    state.now = 10 * FIVE_MINUTES;
    expect(await memory.era()).toBe("modern");
    expect(state.probes).toBe(2);
  });

  it("remembers nothing of a server that could not be asked", async () => {
    const { memory } = createMemory(new Error("no such file"), { era: "modern", isCertain: true });
    await expect(memory.era()).rejects.toThrow("no such file");
    expect(await memory.era()).toBe("modern");
  });
});
