import { describe, expect, it } from "@jest/globals";
import { decideRestart, RESTART_POLICY } from "./restart-policy.ts";

describe("decideRestart", () => {
  it("restarts at once what ran well", () => {
    expect(decideRestart(RESTART_POLICY, { upMs: 60_000, tries: 0 })).toEqual({
      kind: "restart",
      tries: 1,
      delayMs: 0,
    });
  });

  it("waits longer with each try in a row, from 1 s up to 30 s, and then gives up", () => {
    const delays: number[] = [];
    let tries = 0;
    for (;;) {
      const decision = decideRestart(RESTART_POLICY, { upMs: 0, tries });
      if (decision.kind === "give up") break;
      delays.push(decision.delayMs);
      tries = decision.tries;
    }
    expect(delays).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it("begins anew once a process has settled", () => {
    expect(decideRestart(RESTART_POLICY, { upMs: 3_000, tries: 8 })).toMatchObject({ delayMs: 0 });
    expect(decideRestart(RESTART_POLICY, { upMs: 2_999, tries: 8 }).kind).toBe("give up");
  });
});
