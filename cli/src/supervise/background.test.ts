import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { getPriority } from "node:os";
import { describe, expect, it } from "@jest/globals";
import { runInBackground } from "./background.ts";

describe("runInBackground", () => {
  it("gives every thread of a process a lower priority", async () => {
    const child = spawn(process.execPath, ["-e", "process.stdin.resume(); console.log('up')"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const pid = child.pid!;
    try {
      await once(child.stdout, "data");
      runInBackground(pid);
      const threads = readdirSync(`/proc/${String(pid)}/task`).map(Number);
      expect(threads.length).toBeGreaterThan(1);
      expect(threads.map((thread) => getPriority(thread))).toEqual(threads.map(() => 10));
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    // What has ended is no reason to fail.
    runInBackground(pid);
  });
});
