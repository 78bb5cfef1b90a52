import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { ListMode } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import { startLegacyServer } from "./conformance/fixtures/legacy-server.ts";
import type { LoopbackServer } from "./conformance/fixtures/loopback.ts";
import { startModernServer } from "./conformance/fixtures/modern-server.ts";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import { startBench, type Bench, type BenchOptions } from "./worker-bench.ts";

let engine: OwnRedis;
let legacy: LoopbackServer;
let modern: LoopbackServer;
/** Takes connections and never answers. */
let stuck: Server;
let bench: Bench | undefined;
let client: Client | undefined;

const UNAVAILABLE = "io.gatewayops/unavailable";
const ERAS = ["legacy", "modern"] as const;
type Era = (typeof ERAS)[number];

beforeAll(async () => {
  engine = await startOwnRedis();
  legacy = await startLegacyServer();
  modern = await startModernServer();
  stuck = createServer(() => undefined);
  await new Promise<void>((resolve) => stuck.listen(0, "127.0.0.1", resolve));
}, 120_000);

afterAll(async () => {
  await legacy.close();
  await modern.close();
  stuck.closeAllConnections();
  stuck.close();
  await engine.stop();
});

afterEach(async () => {
  await client?.close();
  await bench?.close();
  client = bench = undefined;
});

const both = (): Record<string, string> => ({ old: legacy.url, young: modern.url });
const stuckUrl = (): string => `http://127.0.0.1:${(stuck.address() as AddressInfo).port}/mcp`;

/** The official client of an era before all servers as one. */
async function connect(
  agent: Era,
  options: Partial<BenchOptions> & { others: Record<string, string> },
): Promise<Client> {
  // Without retries a dead server does not open its circuit before it is listed, so that each test sees why.
  const yaml = "mcp_servers: { max_retries: 0 }";
  bench = await startBench({ redisUrl: engine.url, yaml, ...options });
  await bench.connected();
  client = new Client(
    { name: "all", version: "1.0.0" },
    {
      capabilities: { elicitation: { form: {} } },
      versionNegotiation: { mode: agent === "legacy" ? "legacy" : { pin: "2026-07-28" } },
    },
  );
  client.setRequestHandler("elicitation/create", () => ({
    action: "accept",
    content: { name: "Ada" },
  }));
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${bench.url}/v1/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${bench.key}` } },
    }),
  );
  return client;
}

/** Sends a request of the modern era to all servers as one. */
function postModern(
  method: string,
  params: object,
  headers: Record<string, string> = {},
): Promise<Response> {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return bench!.post(
    { jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } },
    {
      path: "/v1/mcp",
      headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": method, ...headers },
    },
  );
}

function urlOf(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
    });
  });
}

async function textOf(name: string): Promise<string> {
  const result = (await client!.callTool({ name, arguments: {} })) as {
    content: { text?: string }[];
  };
  return result.content.map(({ text = "" }) => text).join("\n");
}

describe.each(ERAS)("all servers as one, to a %s agent", (agent) => {
  it("list the tools, prompts and resources of servers of both eras under names that say whose they are", async () => {
    const connected = await connect(agent, { others: both() });
    const tools = (await connected.listTools()).tools.map(({ name }) => name);
    expect(tools).toEqual(
      expect.arrayContaining(["old__test_simple_text", "young__test_simple_text"]),
    );
    for (const name of tools) expect(name).toMatch(/^[A-Za-z0-9_.-]{1,64}$/);
    const { prompts } = await connected.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["old__test_simple_prompt", "young__test_simple_prompt"]),
    );
    const { resources } = await connected.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual(
      expect.arrayContaining(["gwo:old:test://static-text", "gwo:young:test://static-text"]),
    );
  });

  it("call, get, read and complete at the server that the name says", async () => {
    const connected = await connect(agent, { others: both() });
    for (const server of ["old", "young"]) {
      expect(await textOf(`${server}__test_simple_text`)).toBe(
        "This is a simple text response for testing.",
      );
      const prompt = await connected.getPrompt({ name: `${server}__test_simple_prompt` });
      expect(prompt.messages).toHaveLength(1);
      const read = await connected.readResource({ uri: `gwo:${server}:test://static-text` });
      expect(read.contents).toMatchObject([{ uri: "test://static-text" }]);
      const { completion } = await connected.complete({
        ref: { type: "ref/prompt", name: `${server}__test_prompt_with_arguments` },
        argument: { name: "arg1", value: "" },
      });
      expect(completion.values).toContain("testing");
    }
    // Records name the server and the tool's own name: ids are of them, so the two calls differ.
    const calls = bench!.records().map(({ intent }) => intent!);
    expect(new Set(calls.map(({ serverId }) => serverId.toString())).size).toBe(2);
  });

  it("ask the agent by elicitation, whichever server it is", async () => {
    await connect(agent, { others: both() });
    for (const server of ["old", "young"])
      expect(await textOf(`${server}__test_input_required_result_elicitation`)).toBe("Hello, Ada!");
  });

  it("call and get what has a shortened name, which nobody has listed since the worker's start", async () => {
    const others = { [`a-server-${"x".repeat(40)}`]: modern.url, old: legacy.url };
    const before = await connect(agent, { others });
    // Entries of both servers differ in their names alone.
    const shortened = (
      entries: { name: string; description?: string | undefined }[],
      known: string,
    ): string => {
      const { description } = entries.find(({ name }) => name === known)!;
      const other = entries.find((one) => one.name !== known && one.description === description);
      expect(other?.name).toMatch(/^a-server-x{40}__\w{1,15}_[0-9a-f]{8}$/);
      return other!.name;
    };
    const tool = shortened((await before.listTools()).tools, "old__test_simple_text");
    const prompt = shortened((await before.listPrompts()).prompts, "old__test_simple_prompt");
    await client!.close();
    await bench!.close();
    const cold = await connect(agent, { others });
    expect((await cold.getPrompt({ name: prompt })).messages).toHaveLength(1);
    expect(await textOf(tool)).toBe("This is a simple text response for testing.");
  });

  it("refuse a name that is nobody's with an error of JSON-RPC", async () => {
    const connected = await connect(agent, { others: both() });
    await expect(connected.callTool({ name: "nobody__tool", arguments: {} })).rejects.toMatchObject(
      { code: -32602 },
    );
  });

  it("show and call only what the key may use", async () => {
    const connected = await connect(agent, {
      others: both(),
      scopes: { servers: ["old", "young"], tools: ["young/test_simple_text"] },
    });
    const { tools } = await connected.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["young__test_simple_text"]);
    await expect(textOf("old__test_simple_text")).rejects.toThrow(/may not call/);
  });

  it("list the others when one is dead and one is slow, and say which, why and that it is missing", async () => {
    const connected = await connect(agent, {
      others: { ...both(), dead: "http://127.0.0.1:9/mcp", slow: stuckUrl() },
    });
    const began = performance.now();
    const result = await connected.listTools();
    expect(performance.now() - began).toBeLessThan(9_000);
    expect(result.tools.length).toBeGreaterThan(20);
    expect(result._meta?.[UNAVAILABLE]).toEqual([
      expect.objectContaining({ server: "dead", state: "missing", reason: "UPSTREAM_UNREACHABLE" }),
      expect.objectContaining({ server: "slow", state: "missing", reason: "UPSTREAM_TIMEOUT" }),
    ]);
  }, 30_000);

  it("tell the agent that a list has changed, whichever server says it", async () => {
    const connected = await connect(agent, { others: both() });
    let changes = 0;
    connected.setNotificationHandler("notifications/tools/list_changed", () => {
      changes++;
    });
    const subscription =
      agent === "modern" ? await connected.listen({ toolsListChanged: true }) : undefined;
    for (const server of ["old", "young"]) {
      const before = changes;
      await until(`${server} is heard of`, async () => {
        await textOf(`${server}__test_trigger_tool_change`);
        return changes > before;
      });
    }
    await subscription?.close();
  }, 20_000);
});

describe("all servers as one, when one of them does not answer", () => {
  it("fail to list in strict mode", async () => {
    const connected = await connect("modern", {
      others: { ...both(), dead: "http://127.0.0.1:9/mcp" },
      listMode: ListMode.STRICT,
    });
    await expect(connected.listTools()).rejects.toThrow(/dead cannot be reached/);
  });

  it("list what it listed before in last-known-good mode, and say since when", async () => {
    const dying = await startModernServer();
    const connected = await connect("modern", {
      others: { old: legacy.url, dying: dying.url },
      listMode: ListMode.LAST_KNOWN_GOOD,
    });
    const before = await connected.listTools();
    await dying.close();
    const after = await connected.listTools();
    expect(after.tools.map(({ name }) => name)).toEqual(before.tools.map(({ name }) => name));
    expect(before._meta?.[UNAVAILABLE]).toBeUndefined();
    expect(after._meta?.[UNAVAILABLE]).toEqual([
      expect.objectContaining({
        server: "dying",
        state: "stale",
        reason: "UPSTREAM_UNREACHABLE",
        listed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      }),
    ]);
  });
});

describe("all servers as one, to an agent that has no calls left", () => {
  it("ask no server whose a resource is", async () => {
    let asked = 0;
    const counting = createServer((_request, response) => {
      asked++;
      response.writeHead(500).end();
    });
    const url = await urlOf(counting);
    try {
      bench = await startBench({
        redisUrl: engine.url,
        others: { one: url, two: url },
        scopes: { rateRps: 1, rateBurst: 1 },
      });
      await bench.connected();
      const [method, uri] = ["resources/read", "test://nobody"];
      const read = (): Promise<Response> => postModern(method, { uri }, { "mcp-name": uri });
      expect((await read()).status).not.toBe(429);
      const before = asked;
      expect(before).toBeGreaterThan(0);
      expect((await read()).status).toBe(429);
      expect(asked).toBe(before);
    } finally {
      counting.closeAllConnections();
      counting.close();
    }
  });
});

describe("pages of all servers' lists", () => {
  it("go on by one cursor where each server's list goes on", async () => {
    const pageOf = (names: string[]): Server =>
      createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString()) as {
            id: number;
            method: string;
            params?: { cursor?: string };
          };
          const at = Number(params?.cursor ?? 0);
          const result =
            method === "server/discover"
              ? { resultType: "complete", supportedVersions: ["2026-07-28"], capabilities: {} }
              : {
                  resultType: "complete",
                  tools: [{ name: names[at], inputSchema: { type: "object" } }],
                  ...(at + 1 < names.length ? { nextCursor: String(at + 1) } : {}),
                };
          response.writeHead(200, { "content-type": "application/json" });
          response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
        });
      });
    const servers = [pageOf(["a1", "a2", "a3"]), pageOf(["b1"])];
    const urls = await Promise.all(servers.map(urlOf));
    try {
      bench = await startBench({
        redisUrl: engine.url,
        others: { a: urls[0]!, b: urls[1]! },
      });
      await bench.connected();
      const pages: string[][] = [];
      let cursor: string | undefined;
      do {
        const response = await postModern("tools/list", cursor === undefined ? {} : { cursor });
        const { result } = (await response.json()) as {
          result: { tools: { name: string }[]; nextCursor?: string };
        };
        pages.push(result.tools.map(({ name }) => name));
        cursor = result.nextCursor;
      } while (cursor !== undefined);
      expect(pages).toEqual([["a__a1", "b__b1"], ["a__a2"], ["a__a3"]]);
      const junk = await postModern("tools/list", { cursor: "junk" });
      expect(await junk.json()).toMatchObject({ error: { code: -32602 } });
    } finally {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    }
  });
});
