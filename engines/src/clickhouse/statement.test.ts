import { describe, expect, it } from "@jest/globals";

import { canStream, formatOf, identifier, kindOf, literal, setupOf } from "./statement.ts";

describe("kindOf", () => {
  it("looks past comments, parentheses and case", () => {
    expect(kindOf("-- a\n/* insert */ (select 1)")).toBe("read");
    expect(kindOf("\n  INSERT INTO t VALUES (1)")).toBe("insert");
    expect(kindOf("SET max_threads = 1")).toBe("other");
    expect(kindOf("")).toBe("other");
  });
});

describe("formatOf", () => {
  it("finds the closing FORMAT clause only", () => {
    expect(formatOf("SELECT 1 \nFORMAT JSONEachRow")).toBe("JSONEachRow");
    expect(formatOf("select 1 format CSV ; ")).toBe("CSV");
    expect(formatOf("SELECT 1 FORMAT JSON SETTINGS max_threads = 1")).toBeUndefined();
    expect(formatOf("SELECT format FROM t")).toBeUndefined();
  });
});

describe("canStream", () => {
  it("streams a SELECT in a format without header and footer", () => {
    expect(canStream("SELECT 1 FORMAT JSONEachRow", "TabSeparated")).toBe(true);
    expect(canStream("WITH 1 AS x SELECT x", "TabSeparated")).toBe(true);
  });

  it("takes everything else in one piece", () => {
    expect(canStream("SELECT 1 FORMAT JSON", "TabSeparated")).toBe(false);
    expect(canStream("SELECT 1", "CSVWithNames")).toBe(false);
    expect(canStream("SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "TabSeparated")).toBe(false);
    expect(canStream("SHOW TABLES", "TabSeparated")).toBe(false);
  });
});

describe("literal and identifier", () => {
  it("escape their own quotes and backslashes", () => {
    expect(literal("a'b\\c\n")).toBe("'a\\'b\\\\c\n'");
    expect(identifier("a`b\\")).toBe("`a\\`b\\\\`");
  });
});

describe("setupOf", () => {
  const nothing = { database: undefined, settings: [], parameters: [] };

  it("is empty for a plain query, so that its connection stays clean", () => {
    expect(setupOf({ ...nothing, database: "default" })).toBe("");
  });

  it("sets database, settings and parameters", () => {
    expect(
      setupOf({
        database: "my`db",
        settings: [["max_threads", "2"]],
        parameters: [["name", "o'x"]],
      }),
    ).toBe("USE `my\\`db`; SET max_threads = '2', param_name = 'o\\'x'");
  });
});
