import { describe, expect, it } from "@jest/globals";
import type { Failure } from "@gatewayops/platform/errors";
import { createLogger } from "@gatewayops/platform/log";
import { StdioProcess } from "../src/bridge/stdio-process.ts";
import { isAlive } from "./bridge-run.ts";
import { until } from "./engine-redis.ts";

/** Runs a program of Node's as a stdio server. */
function run(program: string) {
  const messages: string[] = [];
  const failures: Failure[] = [];
  const lines: { stderr?: string[]; signal?: string }[] = [];
  const log = createLogger({
    service: "test",
    level: "debug",
    format: "json",
    maskSensitive: false,
    write: (line) => lines.push(JSON.parse(line) as { stderr?: string[] }),
  });
  const server = { name: "x", command: process.execPath, args: ["-e", program] };
  const channel = new StdioProcess(
    { server: { ...server, env: {}, stateless: false }, env: {}, log },
    {
      onMessage: (message) => messages.push(message.toString("utf8")),
      onClosed: (failure) => failures.push(failure),
    },
  );
  return { channel, messages, failures, lines };
}

const SAY_PID = "console.log(process.pid);";

describe("StdioProcess", () => {
  it("closes the server's input first, and lets it end by itself", async () => {
    const { channel, messages, failures, lines } = run(
      `${SAY_PID} process.stdin.resume().on("end", () => console.log("end of input"))`,
    );
    await until("it runs", () => messages.length === 1);
    channel.close();
    await until("it ended", () => failures.length === 1);
    expect(messages[1]).toBe("end of input");
    expect(lines.at(-1)).toMatchObject({ level: "debug", code: 0, signal: null });
  });

  it("sends SIGTERM, then SIGKILL, to one that does not end", async () => {
    const { channel, messages, failures, lines } = run(
      `${SAY_PID} process.on("SIGTERM", () => console.log("SIGTERM")); setInterval(() => {}, 1000)`,
    );
    await until("it runs", () => messages.length === 1);
    channel.close();
    await until("it ended", () => failures.length === 1);
    expect(messages[1]).toBe("SIGTERM");
    expect(lines.at(-1)).toMatchObject({ signal: "SIGKILL" });
    expect(isAlive(Number(messages[0]))).toBe(false);
  });

  it("logs the last lines of stderr, and no more, of a server that ended by itself", async () => {
    const { failures, lines } = run(
      `for (let i = 1; i <= 2000; i++) console.error("line " + i); process.exitCode = 1`,
    );
    await until("it ended", () => failures.length === 1);
    expect(failures[0]).toMatchObject({ reason: "UPSTREAM_CLOSED" });
    const { stderr } = lines.at(-1)!;
    expect(lines.at(-1)).toMatchObject({ level: "warn", server: "x", code: 1 });
    expect(stderr).toEqual(Array.from({ length: 20 }, (_, i) => `line ${1981 + i}`));
  });

  it("ends although a child of the server holds its output open", async () => {
    const { failures, messages } = run(
      `const { spawn } = require("node:child_process");
       const hold = ["-e", "setInterval(() => {}, 1000)"];
       const child = spawn(process.execPath, hold, { stdio: ["ignore", "inherit", "inherit"] });
       child.on("spawn", () => { console.log(child.pid); process.exit(0); })`,
    );
    await until("it ended", () => failures.length === 1);
    expect(isAlive(Number(messages[0]))).toBe(true);
    process.kill(Number(messages[0]), "SIGKILL");
  });

  it("refuses messages that a server does not read", async () => {
    const { channel, messages, failures } = run(
      `${SAY_PID} process.stdin.pause(); setInterval(() => {}, 1000)`,
    );
    await until("it runs", () => messages.length === 1);
    const large = Buffer.alloc(33 * 1024 * 1024, "x");
    await channel.send(large);
    await expect(channel.send(Buffer.from("{}"))).rejects.toMatchObject({ reason: "OVERLOADED" });
    process.kill(Number(messages[0]), "SIGKILL");
    await until("it ended", () => failures.length === 1);
  });
});
