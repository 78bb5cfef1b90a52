import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { createInternalClient } from "@gatewayops/platform/rpc/client";
import { GatewayService } from "@gatewayops/proto/gatewayops/gateway/v1/gateway_service_pb";
import { grpcJsClient, type GrpcMessage } from "../grpc-js-client.ts";
import { connectV1, connectV2, type ConnectSdk } from "../sdk-clients.ts";
import { makeKey, signIn, unique } from "./control-plane.ts";
import { environmentOf, startGateway, type GatewayProcess } from "./replicas/gateway-process.ts";
import { bearer, readStack, send } from "./stack.ts";

const stack = readStack();
const directory = mkdtempSync(join(tmpdir(), "gwo-npm-servers-"));
const FILE = join(directory, "note.txt");
const PACKAGES = join(import.meta.dirname, "../../../node_modules/@modelcontextprotocol");
/** Names by which the servers are registered, by those in the configuration. */
const registered = new Map<string, string>();
let gateway: GatewayProcess;
let key: string;

const command = (program: string, ...args: string[]) => ({
  command: "node",
  args: [join(PACKAGES, program, "dist/index.js"), ...args],
});

beforeAll(async () => {
  writeFileSync(FILE, "grüße 🎉\n");
  const stdio = {
    everything: command("server-everything", "stdio"),
    filesystem: command("server-filesystem", directory),
    memory: {
      ...command("server-memory"),
      env: { MEMORY_FILE_PATH: join(directory, "memory.jsonl") },
    },
    "sequential-thinking": command("server-sequential-thinking"),
  };
  const config = join(directory, "config.yaml");
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ mcp_servers: { stdio } }));
  const admin = await signIn(stack);
  key = (await makeKey(admin)).secret;
  for (const name of Object.keys(stdio))
    registered.set(name, unique(`npm ${name}`).replaceAll(" ", "-"));
  await register();
  gateway = await startGateway(stack, { GWO_CONFIG_FILE: config });
}, 120_000);

afterAll(async () => {
  await gateway.stop();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

/** Registers them as `gwo up` does: the API takes no commands, so it takes no stdio servers either. */
async function register(): Promise<void> {
  const env = environmentOf(stack);
  const auth = createInternalClient(InternalAuthService, {
    baseUrl: env["GWO_AUTH_URL"] ?? "",
    internalSecret: env["GWO_INTERNAL_SECRET"] ?? "",
  });
  await auth.bootstrap({
    orgName: "Demo",
    orgSlug: "demo",
    teamName: "Platform",
    teamSlug: "platform",
    adminEmail: stack.admin.email,
    adminPassword: stack.admin.password,
    apiKey: stack.apiKey,
    apiKeyName: "demo",
    apiKeyScopes: { servers: ["*"], tools: [], permissions: [] },
    servers: [...registered].map(([name, as]) => ({ name: as, url: `stdio:${name}` })),
  });
}

/** Calls one tool after another, and returns the text of each answer. */
type Caller = {
  call(tool: string, args: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
};

const urlOf = (server: string): string => `${gateway.url}/v1/mcp/${registered.get(server) ?? ""}`;

const bySdk =
  (connect: ConnectSdk) =>
  async (server: string): Promise<Caller> => {
    const client = await connect(new URL(urlOf(server)), key);
    return { call: (tool, args) => client.call(tool, args), close: () => client.close() };
  };

const byRest = (server: string): Promise<Caller> =>
  Promise.resolve({
    async call(tool, args) {
      const body = { tool, arguments: args };
      const answer = await send(`${urlOf(server)}/tools/call`, { headers: bearer(key), body });
      if (answer.status !== 200) throw new Error(`${String(answer.status)} ${answer.text}`);
      const { result } = answer.json as { result: { content: { text: string }[] } };
      return result.content[0]?.text ?? "";
    },
    close: () => Promise.resolve(),
  });

/** All servers as one: a tool is named after its server. */
const byName =
  (connect: ConnectSdk) =>
  async (server: string): Promise<Caller> => {
    const client = await connect(new URL(`${gateway.url}/v1/mcp`), key);
    return {
      call: (tool, args) => client.call(`${registered.get(server) ?? ""}__${tool}`, args),
      close: () => client.close(),
    };
  };

const byGrpc = (server: string): Promise<Caller> => {
  const client = grpcJsClient(GatewayService, gateway.grpcAddress);
  return Promise.resolve({
    async call(tool, args) {
      const stream = client.stream(
        "CallTool",
        {
          server: registered.get(server),
          name: tool,
          arguments_json: Buffer.from(JSON.stringify(args)),
        },
        { metadata: bearer(key) },
      );
      let text = "";
      for await (const event of stream as AsyncIterable<GrpcMessage>)
        if (event["event"] === "result") text = String((event["result"] as GrpcMessage)["text"]);
      return text;
    },
    close() {
      client.close();
      return Promise.resolve();
    },
  });
};

const FACES: readonly (readonly [string, (server: string) => Promise<Caller>])[] = [
  ["MCP of the legacy era, sdk 1.x", bySdk(connectV1)],
  ["MCP of the legacy era, client 2.x", bySdk(connectV2())],
  ["MCP of the modern era, client 2.x", bySdk(connectV2({ pin: "2026-07-28" }))],
  ["all servers as one, legacy", byName(connectV1)],
  ["all servers as one, modern", byName(connectV2({ pin: "2026-07-28" }))],
  ["REST", byRest],
  ["gRPC", byGrpc],
];

describe.each(FACES)("servers from npm through %s", (_face, open) => {
  async function using<T>(server: string, work: (caller: Caller) => Promise<T>): Promise<T> {
    const caller = await open(server);
    try {
      return await work(caller);
    } finally {
      await caller.close();
    }
  }

  it("everything echoes and adds", async () => {
    await using("everything", async ({ call }) => {
      expect(await call("echo", { message: "grüße 🎉" })).toBe("Echo: grüße 🎉");
      expect(await call("get-sum", { a: 19, b: 23 })).toBe("The sum of 19 and 23 is 42.");
    });
  });

  it("filesystem reads what it may, and nothing else", async () => {
    await using("filesystem", async ({ call }) => {
      expect(await call("read_text_file", { path: FILE })).toBe("grüße 🎉\n");
      expect(await call("read_text_file", { path: "/etc/hostname" })).toContain("Access denied");
    });
  });

  it("memory remembers", async () => {
    const name = unique("entity");
    await using("memory", async ({ call }) => {
      await call("create_entities", {
        entities: [{ name, entityType: "test", observations: ["was here"] }],
      });
      const found = await call("open_nodes", { names: [name] });
      expect(JSON.parse(found)).toMatchObject({ entities: [{ name, observations: ["was here"] }] });
    });
  });

  it("sequential-thinking takes a thought", async () => {
    await using("sequential-thinking", async ({ call }) => {
      const answer = await call("sequentialthinking", {
        ...{ thought: "One step is enough.", thoughtNumber: 1, totalThoughts: 1 },
        nextThoughtNeeded: false,
      });
      expect(JSON.parse(answer)).toMatchObject({ thoughtNumber: 1, nextThoughtNeeded: false });
    });
  });
});
