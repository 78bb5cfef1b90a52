import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { fillTemplate } from "./nginx-template.ts";

describe("fillTemplate", () => {
  it("fills in every place of a word", () => {
    expect(fillTemplate("a @ONE@ b @TWO@ @ONE@", { ONE: "1", TWO: "$2" })).toBe("a 1 b $2 1");
  });

  it("refuses a word that is missing, and one too many", () => {
    expect(() => fillTemplate("@ONE@", {})).toThrow("@ONE@");
    expect(() => fillTemplate("", { ONE: "1" })).toThrow("@ONE@");
  });

  it("fills the committed configurations", () => {
    const read = (name: string): string =>
      readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
    const words = { LISTEN: "127.0.0.1:1", DIRECTORY: "/tmp/x" };
    expect(fillTemplate(read("nginx.conf"), { ...words, UPSTREAM: "127.0.0.1:2" })).toContain(
      "server 127.0.0.1:2;",
    );
    expect(fillTemplate(read("upstream.conf"), { ...words, ANSWER: "{}" })).toContain(
      "return 200 '{}';",
    );
  });
});
