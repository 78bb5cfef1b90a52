import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { OpenCalls, type OpenSlot } from "./open-calls.ts";

function newCall(): OpenSlot {
  return { openSlot: -1 };
}

describe("OpenCalls", () => {
  it("holds a call from its beginning to its end", () => {
    const open = new OpenCalls<OpenSlot>();
    const call = newCall();
    expect(open.has(call)).toBe(false);
    open.add(call);
    open.add(call);
    expect(open.has(call)).toBe(true);
    expect(open.size).toBe(1);
    open.delete(call);
    open.delete(call);
    expect(open.has(call)).toBe(false);
    expect(open.size).toBe(0);
  });

  it("holds the same calls as a Set, whatever comes and goes", () => {
    const step = fc.record({ add: fc.boolean(), index: fc.nat(19) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const calls = Array.from({ length: 20 }, newCall);
        const open = new OpenCalls<OpenSlot>();
        const expected = new Set<OpenSlot>();
        for (const { add, index } of steps) {
          const call = calls[index]!;
          if (add) {
            open.add(call);
            expected.add(call);
          } else {
            open.delete(call);
            expected.delete(call);
          }
          expect(new Set(open)).toEqual(expected);
          expect(open.size).toBe(expected.size);
          expect(open.has(call)).toBe(add);
        }
      }),
    );
  });
});
