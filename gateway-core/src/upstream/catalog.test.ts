import { setImmediate as settled } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { createToolCatalog, type ToolCatalog, type ToolReport } from "./catalog.ts";
import { ListedTools, type ListedTool } from "./listed-tools.ts";
import { ToolIds, type Upstream } from "./upstream.ts";

const MINUTE = 60_000;
const tool = (name: string, hash = "aa", bytes = 2): ListedTool => ({
  name,
  hash,
  definition: Buffer.alloc(bytes, 0x20),
  inputSchema: Buffer.from("{}"),
});

let now: number;
let lists: number;
let tools: ListedTool[];
let reports: ToolReport[][];
let failure: Error | undefined;
let failures: unknown[];
let upstream: Upstream;
let catalog: ToolCatalog;

beforeEach(() => {
  now = 0;
  lists = 0;
  tools = [tool("a"), tool("b")];
  reports = [];
  failure = undefined;
  failures = [];
  upstream = {
    idText: "s",
    known: new Map([["b", { isEnabled: true, hash: "aa", changeTimeMs: undefined }]]),
    tools: new ToolIds(Buffer.alloc(16), ["a", "b"]),
    listed: new ListedTools(),
  } as unknown as Upstream;
  catalog = createToolCatalog({
    list: () => {
      lists++;
      return failure ? Promise.reject(failure) : Promise.resolve(tools);
    },
    register: (_, told) => Promise.resolve(void reports.push([...told])),
    now: () => now,
    onFailure: (_, error) => failures.push(error),
  });
});

async function call(name: string, at: number): Promise<number> {
  now = at;
  catalog.noticed(upstream, name);
  await settled();
  return lists;
}

describe("createToolCatalog", () => {
  it("lists at the first call, and again after five minutes of calls", async () => {
    expect(await call("a", 0)).toBe(1);
    expect(await call("a", 5 * MINUTE - 1)).toBe(1);
    expect(await call("a", 5 * MINUTE)).toBe(2);
  });

  it("lists for a tool that is not listed, but not at every call", async () => {
    await call("a", 0);
    expect(await call("new", 9_999)).toBe(1);
    expect(await call("new", 10_000)).toBe(2);
    expect(await call("other", 10_001)).toBe(2);
  });

  it("lists when the server says that its list changed, at the next call when that is too soon", async () => {
    await call("a", 0);
    now = 5_000;
    catalog.changed(upstream);
    expect(lists).toBe(1);
    expect(await call("a", 9_999)).toBe(1);
    expect(await call("a", 10_000)).toBe(2);
    now = 20_000;
    catalog.changed(upstream);
    expect(lists).toBe(3);
  });

  it("keeps what calls need, and tells definitions that are not known", async () => {
    await call("a", 0);
    expect(upstream.listed.get("a")).toEqual({ hash: "aa", inputSchema: Buffer.from("{}") });
    expect(upstream.listed.get("c")).toBeUndefined();
    expect(reports).toEqual([
      [
        { name: "a", hash: "aa", definition: Buffer.from("  ") },
        { name: "b", hash: "aa", definition: Buffer.alloc(0) },
      ],
    ]);
  });

  it("tells in parts, and of a definition that is too long its hash only", async () => {
    tools = [
      ...Array.from({ length: 9 }, (_, index) => tool(`t${index}`, "bb", 256 * 1024)),
      tool("long", "cc", 256 * 1024 + 1),
    ];
    await call("a", 0);
    expect(reports.map((part) => part.length)).toEqual([8, 2]);
    expect(reports[1]?.[1]).toEqual({ name: "long", hash: "cc", definition: Buffer.alloc(0) });
    tools = Array.from({ length: 1_001 }, (_, index) => tool(`t${index}`));
    reports = [];
    await call("a", 5 * MINUTE);
    expect(reports.map((part) => part.length)).toEqual([1_000, 1]);
  });

  it("says that a server could not be asked, and asks it again later", async () => {
    failure = new Error("away");
    await call("a", 0);
    expect(failures).toEqual([failure]);
    failure = undefined;
    expect(await call("a", 5 * MINUTE)).toBe(2);
    expect(reports).toHaveLength(1);
  });

  it("keeps schemas of four MiB of one server", async () => {
    const long = Buffer.alloc(3 * 1024 * 1024, 0x20);
    tools = [
      { ...tool("a"), inputSchema: long },
      { ...tool("b"), inputSchema: long },
    ];
    await call("a", 0);
    expect(upstream.listed.get("a")?.inputSchema).toHaveLength(long.length);
    expect(upstream.listed.get("b")).toEqual({ hash: "aa", inputSchema: undefined });
  });
});
