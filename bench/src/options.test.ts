import { describe, expect, it } from "@jest/globals";
import { BenchError } from "./bench-error.ts";
import { optionsFrom } from "./options.ts";

describe("optionsFrom", () => {
  it("measures three rounds of five seconds at 1, 16 and 64 connections when nothing is said", () => {
    expect(optionsFrom([])).toEqual({
      seconds: 5,
      rounds: 3,
      connections: [1, 16, 64],
      judgedConnections: 64,
      maxRatio: 4,
      workers: 1,
      quick: false,
      json: false,
      profileDir: undefined,
    });
  });

  it("makes one short run at 64 connections for --quick, and lets flags say otherwise", () => {
    expect(optionsFrom(["--quick"])).toMatchObject({ seconds: 2, rounds: 1, connections: [64] });
    expect(optionsFrom(["--quick", "--seconds", "1"])).toMatchObject({ seconds: 1, rounds: 1 });
  });

  it("judges at the largest number of connections when 64 is not among them", () => {
    expect(optionsFrom(["--connections", "8,32"])).toMatchObject({ judgedConnections: 32 });
  });

  it.each([
    ["--seconds", "0"],
    ["--rounds", "x"],
    ["--connections", "1,,2"],
    ["--max-ratio", "-1"],
    ["--nothing", "1"],
  ])("refuses %s %s", (flag, value) => {
    expect(() => optionsFrom([`${flag}=${value}`])).toThrow(BenchError);
  });

  it("knows --help", () => {
    expect(optionsFrom(["--help"])).toBe("help");
  });
});
