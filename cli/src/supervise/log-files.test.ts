import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { rotateLogs, sizeOfLog, tailOfLog } from "./log-files.ts";

describe("log files", () => {
  let directory = "";
  let file = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "gwo-logs-"));
    file = join(directory, "svc.log");
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it("puts a large log aside and goes on with an empty one", () => {
    writeFileSync(file, "old lines\n");
    rotateLogs(directory, 5);
    appendFileSync(file, "new\n");
    expect(readFileSync(`${file}.1`, "utf8")).toBe("old lines\n");
    expect(readFileSync(file, "utf8")).toBe("new\n");
  });

  it("leaves a small log alone, and a directory that is not there", () => {
    writeFileSync(file, "old\n");
    rotateLogs(directory, 5);
    rotateLogs(join(directory, "none"), 5);
    expect(readFileSync(file, "utf8")).toBe("old\n");
  });

  it("shows JSON lines as level, message and cause", () => {
    const fatal = { level: "fatal", message: "cannot start", err: { message: "no port" } };
    writeFileSync(file, `plain\n${JSON.stringify(fatal)}\n{"other":1}\n`);
    expect(tailOfLog(file)).toBe('plain\nfatal: cannot start: no port\n{"other":1}');
  });

  it("shows the last lines since a point", () => {
    writeFileSync(file, "one\n");
    const start = sizeOfLog(file);
    appendFileSync(file, "two\nthree\nfour\n");
    expect(tailOfLog(file, start, 2)).toBe("three\nfour");
    expect(tailOfLog(file, start)).toBe("two\nthree\nfour");
    expect(tailOfLog(join(directory, "none.log"))).toBe("");
  });
});
