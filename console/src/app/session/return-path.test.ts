import { describe, expect, it } from "@jest/globals";

import { permits } from "./permits.ts";
import { returnPathOf } from "./return-path.ts";

describe("returnPathOf", () => {
  it.each([
    ["/traces?range=7d", "/traces?range=7d"],
    ["/", "/"],
    [undefined, "/"],
    ["", "/"],
    ["https://evil.example", "/"],
    ["//evil.example", "/"],
    ["/\\evil.example", "/"],
    ["/sign-in?return=%2F", "/"],
  ])("goes from %s to %s", (wanted, path) => {
    expect(returnPathOf(wanted)).toBe(path);
  });
});

describe("permits", () => {
  it("knows the star", () => {
    expect(permits(["*"], "traces:read")).toBe(true);
    expect(permits(["traces:read"], "traces:read")).toBe(true);
    expect(permits(["traces:read"], "costs:read")).toBe(false);
    expect(permits([], "costs:read")).toBe(false);
  });
});
