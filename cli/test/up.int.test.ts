import { once } from "node:events";
import { mkdtempSync, existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { callEcho, eventually, gwo, gwoInBackground, isAlive, readStack } from "./stack-driver.ts";

/** A first start may build the console and unpack Redis. */
const START_MS = 180_000;
const NAMES = [
  ...["gateway", "mcp-everything", "svc-auth", "svc-cost", "svc-trace"],
  ...["postgres", "redis", "clickhouse"],
];

describe("gwo up", () => {
  const root = mkdtempSync(join(tmpdir(), "gwo-up-"));
  const data = join(root, "data");
  const up = ["up", "--detach", "--ports", "auto", "--workers", "2", "--data", data];

  beforeAll(async () => {
    const { code, stdout, stderr } = await gwo(up);
    if (code !== 0) throw new Error(`gwo up ended with ${String(code)}:\n${stdout}${stderr}`);
  }, START_MS);

  afterAll(async () => {
    await gwo(["down", "--data", data]);
    rmSync(root, { recursive: true, force: true });
  }, 120_000);

  it("describes the running stack in stack.json", () => {
    const stack = readStack(data);
    expect(Object.keys(stack)).toEqual([
      ...["gatewayUrl", "grpcUrl", "consoleUrl", "apiKey", "orgId", "teamId", "admin"],
      ...["postgresUrl", "redisUrl", "clickhouseUrl", "processes"],
    ]);
    expect(stack.apiKey).toMatch(/^gwo_dev_[0-9A-Za-z]{49}$/);
    expect(stack.orgId).toMatch(/^[0-9a-f-]{36}$/);
    expect(stack.admin.email).toBe("admin@gatewayops.local");
    expect(stack.processes.map(({ name }) => name)).toEqual(expect.arrayContaining(NAMES));
    const workers = stack.processes.filter(({ name }) => name.startsWith("gateway-worker-"));
    expect(workers).toHaveLength(2);
    for (const { pid } of stack.processes) expect(isAlive(pid)).toBe(true);
    expect(statSync(join(data, "stack.json")).mode & 0o777).toBe(0o600);
    expect(statSync(join(data, "secrets.json")).mode & 0o777).toBe(0o600);
  });

  it("tells that every part is ready", async () => {
    const { code, stdout } = await gwo(["status", "--json", "--data", data]);
    const status = JSON.parse(stdout) as { ready: boolean; processes: { health: string }[] };
    expect(status.processes.filter(({ health }) => health !== "ready")).toEqual([]);
    expect(status.ready).toBe(true);
    expect(code).toBe(0);
  });

  it("answers a real call and explains it", async () => {
    const answer = await callEcho(readStack(data), "hello");
    expect(await answer.text()).toContain("hello");
    expect(answer.status).toBe(200);
    const requestId = answer.headers.get("x-request-id") ?? "";
    const explained = await gwo(["explain", requestId, "--data", data]);
    expect(explained.stdout).toContain("tools/call everything/echo");
    expect(explained.stdout).toMatch(/✓ upstream +passed/);
    expect(explained.stdout).toContain("$0.000250 by rule everything/echo");
    const tail = await gwo(["tail", "--no-follow", "--json", "--data", data]);
    expect(tail.stdout.split("\n").filter((line) => line.includes(requestId))).toHaveLength(1);
  }, 30_000);

  it("refuses a second stack on the same data and names the first", async () => {
    const { code, stderr } = await gwo(up);
    expect(code).toBe(1);
    expect(stderr).toMatch(/a stack already runs on .* \(process \d+\)/);
    expect(stderr).toContain("next step:");
  });

  it.each(["svc-cost", "redis", "gateway-worker-1"])(
    "starts %s again when it is killed",
    async (name) => {
      const pidOf = (): number | undefined =>
        readStack(data).processes.find((process) => process.name === name)?.pid;
      const before = pidOf() ?? 0;
      process.kill(before, "SIGKILL");
      const after = await eventually(() => {
        const pid = pidOf();
        return pid === undefined || pid === before ? undefined : pid;
      }, 10_000);
      expect(isAlive(after)).toBe(true);
      await eventually(async () => {
        const { code } = await gwo(["status", "--data", data]);
        return code === 0 ? true : undefined;
      }, 20_000);
      expect((await callEcho(readStack(data), "again")).status).toBe(200);
    },
    60_000,
  );

  it(
    "keeps its key and its data over a restart, and leaves no process at its stop",
    async () => {
      const before = readStack(data);
      const down = await gwo(["down", "--data", data]);
      expect(down.stdout).toContain("Stopped the stack");
      expect(before.processes.filter(({ pid }) => isAlive(pid))).toEqual([]);
      expect(existsSync(join(data, "stack.json"))).toBe(false);
      expect((await gwo(["status", "--data", data])).code).toBe(1);

      expect((await gwo(up)).code).toBe(0);
      const after = readStack(data);
      expect(after).toMatchObject({
        gatewayUrl: before.gatewayUrl,
        apiKey: before.apiKey,
        orgId: before.orgId,
        redisUrl: before.redisUrl,
      });
      expect((await callEcho(after, "still here")).status).toBe(200);
      // What the stop left in the log is stored after the start.
      const calls = await eventually(async () => {
        const costs = await gwo(["costs", "summary", "--json", "--data", data]);
        const { summary } = JSON.parse(costs.stdout) as { summary: { total_calls: string } };
        return Number(summary.total_calls) < 4 ? undefined : summary.total_calls;
      }, 20_000);
      expect(Number(calls)).toBeGreaterThanOrEqual(4);
    },
    START_MS,
  );

  it("stops what a killed supervisor leaves behind", async () => {
    const { processes } = readStack(data);
    const lock = JSON.parse(readFileSync(join(data, "engine.lock"), "utf8")) as { pid: number };
    process.kill(lock.pid, "SIGKILL");
    await eventually(() => (processes.some(({ pid }) => isAlive(pid)) ? undefined : true), 60_000);
  }, 90_000);

  it(
    "stops on SIGTERM in the foreground and leaves no process",
    async () => {
      const child = gwoInBackground(["up", "--ports", "auto", "--data", data]);
      let output = "";
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
      const { processes } = await eventually(() => {
        if (child.exitCode !== null) throw new Error(`gwo up ended:\n${output}`);
        return existsSync(join(data, "stack.json")) &&
          isAlive(readStack(data).processes[0]?.pid ?? 0)
          ? readStack(data)
          : undefined;
      }, START_MS);
      child.kill("SIGTERM");
      const [code] = (await once(child, "exit")) as [number];
      expect(code).toBe(0);
      expect(processes.filter(({ pid }) => isAlive(pid))).toEqual([]);
    },
    START_MS,
  );
});
