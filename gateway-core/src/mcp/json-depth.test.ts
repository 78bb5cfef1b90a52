import { describe, expect, it } from "@jest/globals";
import { isDeeperThan } from "./json-depth.ts";
import { jsonTextOf } from "./json-members.ts";

function isDeep(text: string, most: number): boolean {
  return isDeeperThan(jsonTextOf(Buffer.from(text)), most);
}

describe("isDeeperThan", () => {
  it("counts objects and arrays that are open at once", () => {
    const three = '{"a":[{}],"b":[[]]}';
    expect(isDeep(three, 3)).toBe(false);
    expect(isDeep(three, 2)).toBe(true);
    expect(isDeep("[[],[],[],[]]", 2)).toBe(false);
    expect(isDeep("1", 0)).toBe(false);
  });

  it("does not count what stands in text", () => {
    expect(isDeep('["[[[[", "\\"[[[", "\\\\", []]', 2)).toBe(false);
    expect(isDeep('["\\\\", [[]]]', 2)).toBe(true);
  });

  it("answers for what is no JSON", () => {
    expect(isDeep("[".repeat(1_000_000), 128)).toBe(true);
    expect(isDeep('"[[[', 1)).toBe(false);
    expect(isDeep("]]]][[", 1)).toBe(false);
  });
});
