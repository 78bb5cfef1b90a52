import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  inStopOrder,
  readStackFile,
  removeStackFile,
  stopRank,
  workersFrom,
  writeStackFile,
  type Stack,
} from "./stack-file.ts";

const stack: Stack = {
  gatewayUrl: "http://127.0.0.1:8080",
  grpcUrl: "http://127.0.0.1:9090",
  consoleUrl: "http://127.0.0.1:8080",
  apiKey: "gwo_dev_x",
  orgId: "o",
  teamId: "t",
  admin: { email: "admin@gatewayops.local", password: "p" },
  postgresUrl: "postgres://127.0.0.1:1/gatewayops",
  redisUrl: "redis://127.0.0.1:2",
  clickhouseUrl: "http://127.0.0.1:3",
  processes: [{ name: "gateway", pid: 1, url: "http://127.0.0.1:8080" }],
};

describe("stack.json", () => {
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "gwo-stack-"));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it("is replaced whole, read by its owner only, and leaves no draft", () => {
    const file = join(directory, "stack.json");
    writeStackFile(file, stack);
    writeStackFile(file, { ...stack, orgId: "other" });
    expect(readStackFile(file)).toEqual({ ...stack, orgId: "other" });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(["stack.json"]);
  });

  it("is nothing where no stack runs, and may be removed twice", () => {
    const file = join(directory, "stack.json");
    expect(readStackFile(file)).toBeUndefined();
    writeStackFile(file, stack);
    removeStackFile(file);
    removeStackFile(file);
    expect(readStackFile(file)).toBeUndefined();
  });
});

describe("inStopOrder", () => {
  it("puts the gateway first, then MCP servers, services and engines", () => {
    const names = [
      ...["postgres", "svc-trace", "mcp-everything", "gateway-worker-10", "svc-auth"],
      ...["gateway-worker-2", "redis", "gateway", "bridge", "clickhouse"],
    ];
    expect(inStopOrder(names.map((name) => ({ name }))).map(({ name }) => name)).toEqual([
      ...["gateway", "gateway-worker-2", "gateway-worker-10", "bridge", "mcp-everything"],
      ...["svc-auth", "svc-trace", "clickhouse", "postgres", "redis"],
    ]);
  });

  it("stops services together and engines after them", () => {
    expect(stopRank("svc-auth")).toBe(stopRank("svc-cost"));
    expect(stopRank("redis")).toBeGreaterThan(stopRank("svc-auth"));
  });
});

describe("workersFrom", () => {
  it("reads the gateway's list", () => {
    expect(workersFrom([{ name: "gateway-worker-1", pid: 5 }])).toEqual([
      { name: "gateway-worker-1", pid: 5, url: "" },
    ]);
  });

  it("ignores what is no list of processes", () => {
    expect(workersFrom(undefined)).toEqual([]);
    expect(workersFrom([null, { name: "x" }, { pid: 5 }])).toEqual([]);
  });
});
