import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { bridgeHeaders, startBridge, type Bridge } from "./bridge-run.ts";

const program = (name: string): string =>
  createRequire(import.meta.url).resolve(`@modelcontextprotocol/server-${name}/dist/index.js`);

let bridge: Bridge;
let folder: string;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "gwo-bridge-")));
  writeFileSync(join(folder, "hello.txt"), "hello");
  const server = (name: string, args: string[] = [], env: Record<string, string> = {}) =>
    [false, true].map((stateless) => ({
      name: stateless ? `${name}-stateless` : name,
      command: process.execPath,
      args: [program(name), ...args],
      env,
      stateless,
    }));
  bridge = await startBridge([
    ...server("everything", ["stdio"]),
    ...server("filesystem", [folder]),
    ...server("memory", [], { MEMORY_FILE_PATH: join(folder, "memory.jsonl") }),
    ...server("sequential-thinking"),
  ]);
});

afterAll(async () => {
  await bridge.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function connect(server: string): Promise<Client> {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(`${bridge.url}/${server}`), {
    requestInit: { headers: bridgeHeaders() },
  });
  await client.connect(transport);
  return client;
}

type Call = { server: string; tool: string; args: () => Record<string, unknown>; says: string };

const CALLS: readonly Call[] = [
  { server: "everything", tool: "get-sum", args: () => ({ a: 2, b: 3 }), says: "is 5" },
  {
    server: "filesystem",
    tool: "read_text_file",
    args: () => ({ path: join(folder, "hello.txt") }),
    says: "hello",
  },
  { server: "memory", tool: "read_graph", args: () => ({}), says: "entities" },
  {
    server: "sequential-thinking",
    tool: "sequentialthinking",
    args: () => ({
      thought: "one",
      nextThoughtNeeded: false,
      thoughtNumber: 1,
      totalThoughts: 1,
    }),
    says: "thoughtHistoryLength",
  },
];

describe("the reference servers behind the bridge", () => {
  it.each(CALLS)("lists and calls $server", async ({ server, tool, args, says }) => {
    const client = await connect(server);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain(tool);
    const answer = await client.callTool({ name: tool, arguments: args() });
    expect(JSON.stringify(answer["content"])).toContain(says);
    await client.close();
  });

  it.each(CALLS)("lets clients share a stateless $server", async ({ server, tool, args, says }) => {
    const name = `${server}-stateless`;
    const clients = [await connect(name), await connect(name)];
    const answers = await Promise.all(
      clients.map((client) => client.callTool({ name: tool, arguments: args() })),
    );
    for (const answer of answers) expect(JSON.stringify(answer["content"])).toContain(says);
    await Promise.all(clients.map((client) => client.close()));
  });

  it("passes progress of a shared server to each client's own call", async () => {
    const clients = [await connect("everything-stateless"), await connect("everything-stateless")];
    const seen = await Promise.all(
      clients.map(async (client, at) => {
        const progress: number[] = [];
        await client.callTool(
          {
            name: "trigger-long-running-operation",
            arguments: { duration: 0.2, steps: at + 2 },
          },
          undefined,
          { onprogress: (update) => progress.push(update.progress) },
        );
        return progress;
      }),
    );
    expect(seen).toEqual([
      [1, 2],
      [1, 2, 3],
    ]);
    await Promise.all(clients.map((client) => client.close()));
  });
});
