import { describe, expect, it } from "@jest/globals";
import { originOf, selfTimes, sharesByOrigin, type CpuProfile } from "./self-time.ts";

const PROFILE: CpuProfile = {
  nodes: [
    node(1, "(root)", "", -1),
    node(2, "(idle)", "", -1),
    node(3, "parse", "file:///a/node_modules/undici/lib/client.js", 9),
    node(4, "parse", "file:///a/node_modules/undici/lib/client.js", 9),
    node(5, "(garbage collector)", "", -1),
    node(6, "", "node:events", 0),
  ],
  samples: [3, 2, 4, 5, 6, 3],
  timeDeltas: [1_000, 100, 9_999, 200, 50, 150],
};

describe("selfTimes", () => {
  it("adds up a function's samples, each until the next one, and leaves waiting out", () => {
    expect(selfTimes([PROFILE])).toEqual([
      {
        name: "parse",
        file: "file:///a/node_modules/undici/lib/client.js",
        line: 10,
        share: 300 / 500,
      },
      { name: "(anonymous)", file: "node:events", line: 1, share: 150 / 500 },
      { name: "(garbage collector)", file: "", line: 0, share: 50 / 500 },
    ]);
  });

  it("takes several profiles for one", () => {
    expect(selfTimes([PROFILE, PROFILE])).toEqual(selfTimes([PROFILE]));
  });
});

describe("sharesByOrigin", () => {
  it("adds up packages", () => {
    expect(sharesByOrigin(selfTimes([PROFILE]))).toEqual([
      { origin: "node_modules/undici", share: 0.6 },
      { origin: "node:events", share: 0.3 },
      { origin: "(garbage collector)", share: 0.1 },
    ]);
  });
});

describe("originOf", () => {
  it.each([
    ["file:///x/node_modules/@scope/name/a/b.js", "node_modules/@scope/name"],
    ["file:///x/node_modules/outer/node_modules/inner/b.js", "node_modules/inner"],
    ["node:internal/streams/readable", "node:internal/streams/readable"],
    [import.meta.url, "bench/src"],
  ])("%s comes from %s", (file, origin) => {
    expect(originOf(file)).toBe(origin);
  });
});

function node(id: number, functionName: string, url: string, lineNumber: number) {
  return { id, callFrame: { functionName, url, lineNumber } };
}
