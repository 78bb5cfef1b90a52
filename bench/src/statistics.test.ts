import { describe, expect, it } from "@jest/globals";
import { spreadOf } from "./statistics.ts";

describe("spreadOf", () => {
  it("takes the middle one", () => {
    expect(spreadOf([9, 1, 5])).toEqual({ min: 1, median: 5, max: 9 });
  });

  it("takes the mean of the two in the middle", () => {
    expect(spreadOf([4, 1, 2, 10])).toEqual({ min: 1, median: 3, max: 10 });
  });

  it("is the value itself when there is one", () => {
    expect(spreadOf([7])).toEqual({ min: 7, median: 7, max: 7 });
  });

  it("refuses nothing at all", () => {
    expect(() => spreadOf([])).toThrow();
  });
});
