import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { once } from "node:events";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { lockDirectory } from "./directory-lock.ts";
import { EngineError } from "./engine.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gwo-lock-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe("lockDirectory", () => {
  it("refuses a directory that a live process holds, naming the process", () => {
    const lock = lockDirectory(directory, "Test");
    expect(() => lockDirectory(directory, "Test")).toThrow(`process ${String(process.pid)}`);
    lock.release();
    lockDirectory(directory, "Test").release();
  });

  it("takes over the claim of a process that was killed", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    await once(child, "spawn");
    const lock = lockDirectory(directory, "Test");
    lock.handTo(child.pid as number);
    expect(() => lockDirectory(directory, "Test")).toThrow(EngineError);
    child.kill("SIGKILL");
    await once(child, "exit");
    lockDirectory(directory, "Test").release();
  });

  it("takes over a claim whose number another process has got since", () => {
    const claim = { pid: process.pid, startMark: "another boot:1" };
    writeFileSync(join(directory, "engine.lock"), JSON.stringify(claim));
    lockDirectory(directory, "Test").release();
  });

  it("takes over a claim that a machine crash left empty", () => {
    writeFileSync(join(directory, "engine.lock"), "");
    lockDirectory(directory, "Test").release();
  });
});
