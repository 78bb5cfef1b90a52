import { expect, it } from "@jest/globals";
import { CASES } from "./cases.ts";

it("fuzzes with a hundred thousand cases", () => {
  expect(Object.values(CASES).reduce((sum, cases) => sum + cases)).toBeGreaterThanOrEqual(100_000);
});
