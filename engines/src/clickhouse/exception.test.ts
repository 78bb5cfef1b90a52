import { describe, expect, it } from "@jest/globals";

import { exceptionFrom, httpStatusOf } from "./exception.ts";

describe("exceptionFrom", () => {
  it("keeps the engine's code and text", () => {
    const text = "Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)";
    expect(exceptionFrom(new Error(text))).toMatchObject({ code: 60, message: text });
  });

  it("gives a failure without a code the one for standard exceptions", () => {
    expect(exceptionFrom(new Error("boom"))).toMatchObject({
      code: 1001,
      message: "Code: 1001. DB::Exception: boom. (STD_EXCEPTION)",
    });
  });
});

describe("httpStatusOf", () => {
  it("follows ClickHouse", () => {
    expect([60, 62, 81, 202, 159, 241].map(httpStatusOf)).toEqual([404, 400, 404, 503, 408, 500]);
  });
});
