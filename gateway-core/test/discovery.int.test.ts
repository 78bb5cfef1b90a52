import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { startDnsServer, type DnsServer } from "./dns-server.ts";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import { startBench, type Bench } from "./worker-bench.ts";

let engine: OwnRedis;
let dns: DnsServer;
let instances: Instance[] = [];
let bench: Bench | undefined;

beforeAll(async () => {
  engine = await startOwnRedis();
}, 120_000);

afterAll(() => engine.stop());

beforeEach(async () => {
  dns = await startDnsServer();
});

afterEach(async () => {
  await bench?.close();
  bench = undefined;
  await Promise.all(instances.map((instance) => instance.stop()));
  instances = [];
  await dns.close();
});

/** A legacy server that knows only the sessions it has begun. */
class Instance {
  readonly name: string;
  /** Lists that it answered. */
  lists = 0;
  port = 0;
  readonly #address: string;
  #sessions = new Set<string>();
  #server: Server | undefined;

  constructor(name: string, address: string) {
    this.name = name;
    this.#address = address;
  }

  async start(port = this.port): Promise<void> {
    this.#sessions = new Set();
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        const { id, method } = JSON.parse(text || "{}") as { id?: unknown; method?: string };
        const session = request.headers["mcp-session-id"];
        const answer = (status: number, rest: object, headers = {}): void => {
          response.writeHead(status, { "content-type": "application/json", ...headers });
          response.end(JSON.stringify({ jsonrpc: "2.0", id, ...rest }));
        };
        if (request.method === "DELETE") response.writeHead(200).end();
        else if (method === "server/discover")
          answer(200, { error: { code: -32_601, message: "unknown" } });
        else if (method === "initialize") {
          const begun = `${this.name}-${this.#sessions.size}`;
          this.#sessions.add(begun);
          const result = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: {} };
          answer(200, { result }, { "mcp-session-id": begun });
        } else if (typeof session === "string" && !this.#sessions.has(session))
          answer(404, { error: { code: -32_001, message: "Session not found" } });
        else if (id === undefined) response.writeHead(202).end();
        else {
          this.lists++;
          answer(200, { result: { tools: [], instance: this.name } });
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(port, this.#address, resolve));
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    if (server) await new Promise((resolve) => server.close(resolve));
  }
}

async function startInstances(addresses: readonly string[], isOnePort = false): Promise<void> {
  for (const [index, address] of addresses.entries()) {
    const instance = new Instance(`instance${index}`, address);
    await instance.start(isOnePort ? (instances[0]?.port ?? 0) : 0);
    instances.push(instance);
  }
}

async function startGateway(upstreamUrl: string, env: Record<string, string> = {}): Promise<Bench> {
  bench = await startBench({
    redisUrl: engine.url,
    upstreamUrl,
    yaml: "mcp_servers:\n  discovery: dns\n  circuit_breaker: { threshold: 1000, timeout: 30s }\n",
    scopes: { rateRps: 100_000, rateBurst: 100_000 },
    env: { GWO_DISCOVERY_DNS_SERVERS: dns.address, ...env },
  });
  return bench;
}

async function list(headers: Record<string, string> = {}): Promise<[number, string | undefined]> {
  const response = await bench!.post({ jsonrpc: "2.0", id: 1, method: "tools/list" }, { headers });
  const { result } = (await response.json()) as { result?: { instance: string } };
  return [response.status, result?.instance];
}

/** Names a service with each instance at a port of its own. */
function nameService(): void {
  dns.zone.set("_mcp._tcp.tools.test", {
    srv: instances.map(({ port }, index) => ({ target: `node${index}.tools.test`, port })),
  });
  for (const index of instances.keys())
    dns.zone.set(`node${index}.tools.test`, { a: ["127.0.0.1"] });
}

const HELLO = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "test", version: "1" },
  },
};

async function openSession(): Promise<Record<string, string>> {
  const response = await bench!.post(HELLO);
  await response.text();
  expect(response.status).toBe(200);
  return { "mcp-session-id": response.headers.get("mcp-session-id")! };
}

describe("a server whose instances DNS names", () => {
  it("has its calls spread over the instances of its SRV records, and none of them fails when one dies", async () => {
    await startInstances(["127.0.0.1", "127.0.0.1", "127.0.0.1"]);
    nameService();
    await startGateway("http://tools.test/mcp");
    for (let i = 0; i < 60; i++) expect((await list())[0]).toBe(200);
    // Each is left out by chance once in 2^35 runs.
    for (const { lists } of instances) expect(lists).toBeGreaterThan(0);
    await instances[0]!.stop();
    const before = instances[0]!.lists;
    for (let i = 0; i < 40; i++) expect((await list())[0]).toBe(200);
    const metrics = await bench!.metrics();
    expect(metrics).toContain("gateway_server_instances 3\n");
    expect(metrics).toContain("gateway_server_instances_ejected 1\n");
    expect(instances[0]!.lists).toBe(before);
    await instances[0]!.start();
    await until("the one that is back gets calls", async () => {
      await list();
      return instances[0]!.lists > before;
    });
  }, 30_000);

  it("keeps a session on the instance that began it, and begins it anew when that is gone", async () => {
    await startInstances(["127.0.0.1", "127.0.0.1", "127.0.0.1"]);
    nameService();
    await startGateway("http://tools.test/mcp");
    const sessions = await Promise.all(Array.from({ length: 10 }, () => openSession()));
    const homes: string[] = [];
    for (const headers of sessions) {
      const [status, home] = await list(headers);
      expect(status).toBe(200);
      homes.push(home!);
      for (let i = 0; i < 10; i++) expect(await list(headers)).toEqual([200, home]);
    }
    expect(new Set(homes).size).toBeGreaterThan(1);
    const gone = instances.find(({ name }) => name === homes[0])!;
    await gone.stop();
    const [status, home] = await list(sessions[0]);
    expect(status).toBe(200);
    expect(home).not.toBe(homes[0]);
    expect(await list(sessions[0])).toEqual([200, home]);
  }, 30_000);

  it("is tried again, be it that no instance was there", async () => {
    await startInstances(["127.0.0.1", "127.0.0.1"]);
    nameService();
    await startGateway("http://tools.test/mcp");
    expect((await list())[0]).toBe(200);
    await Promise.all(instances.map((instance) => instance.stop()));
    expect((await list())[0]).toBe(502);
    await Promise.all(instances.map((instance) => instance.start()));
    // At once, though all were left alone.
    expect((await list())[0]).toBe(200);
  }, 30_000);

  it("follows what DNS says of the addresses of its host", async () => {
    await startInstances(["127.0.0.2", "127.0.0.3"], true);
    dns.zone.set("tools.test", { a: ["127.0.0.2"] });
    await startGateway(`http://tools.test:${instances[0]!.port}/mcp`);
    for (let i = 0; i < 10; i++) expect(await list()).toEqual([200, "instance0"]);
    dns.zone.set("tools.test", { a: ["127.0.0.3"] });
    await until("the new address is used", async () => (await list())[1] === "instance1");
    for (let i = 0; i < 10; i++) expect(await list()).toEqual([200, "instance1"]);
  }, 30_000);

  it("goes on with what it knows while DNS is away", async () => {
    await startInstances(["127.0.0.2"]);
    dns.zone.set("tools.test", { a: ["127.0.0.2"] });
    await startGateway(`http://tools.test:${instances[0]!.port}/mcp`);
    expect((await list())[0]).toBe(200);
    dns.zone.delete("tools.test");
    await dns.close();
    const end = Date.now() + 1_500;
    await until("its records are too old", async () => {
      expect((await list())[0]).toBe(200);
      return Date.now() > end;
    });
    dns = await startDnsServer();
  }, 30_000);
});

describe("an address that is not to be connected to", () => {
  it.each([
    ["a URL of the metadata service", "http://169.254.169.254/mcp", {}],
    ["a name that leads to a link-local address", "http://evil.test/mcp", {}],
    [
      "loopback where private networks are denied",
      "http://127.0.0.1:1/mcp",
      { GWO_UPSTREAM_DENY_PRIVATE: "true" },
    ],
    [
      "a name of loopback where private networks are denied",
      "http://localhost:1/mcp",
      { GWO_UPSTREAM_DENY_PRIVATE: "true" },
    ],
  ])("is refused: %s", async (_, url, env) => {
    dns.zone.set("evil.test", { a: ["169.254.169.254"] });
    const { post } = await startGateway(url, env);
    const response = await post({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({
      error: {
        data: { reason: "UPSTREAM_UNREACHABLE" },
        message: expect.stringContaining("does not connect to"),
      },
    });
  });

  it("is not reached by a redirect", async () => {
    await startInstances(["127.0.0.1"]);
    const { port } = instances[0]!;
    bench = await startBench({
      redisUrl: engine.url,
      upstream: (_, response) =>
        response.writeHead(307, { location: `http://127.0.0.1:${port}/mcp` }).end(),
    });
    expect((await list())[0]).toBe(502);
    expect(instances[0]!.lists).toBe(0);
  });
});
