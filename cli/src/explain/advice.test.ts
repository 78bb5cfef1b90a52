import { describe, expect, it } from "@jest/globals";
import { REASONS } from "@gatewayops/platform/errors";
import { whatToDo } from "./advice.ts";

describe("whatToDo", () => {
  it.each(Object.keys(REASONS))("knows what to do about %s", (reason) => {
    expect(whatToDo(reason)).toMatch(/^[A-Z].*\.$/);
  });
});
