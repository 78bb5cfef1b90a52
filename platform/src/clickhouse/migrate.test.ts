import { describe, expect, it } from "@jest/globals";
import { statementsOf } from "./migrate.ts";

describe("statementsOf", () => {
  it("splits where a line ends with a semicolon and nowhere else", () => {
    expect(
      statementsOf("-- First.\nSELECT ';' AS a\n;\nSELECT 2;\n\n-- Nothing follows.\n"),
    ).toEqual(["-- First.\nSELECT ';' AS a", "SELECT 2"]);
  });
});
