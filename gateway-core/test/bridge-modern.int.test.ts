import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import {
  ask,
  bridgeHeaders,
  isAlive,
  messagesOf,
  post,
  send,
  startBridge,
  type Bridge,
  type SendOptions,
  type Sent,
} from "./bridge-run.ts";
import { until } from "./engine-redis.ts";

const modern = fileURLToPath(new URL("./fixtures/modern-stdio-server.mjs", import.meta.url));
const legacy = fileURLToPath(new URL("./fixtures/stdio-server.mjs", import.meta.url));
const server = (name: string, program: string, env: Record<string, string> = {}) => ({
  name,
  command: process.execPath,
  args: [program],
  env,
  stateless: false,
});
const SERVERS = [
  server("modern", modern),
  server("dual", modern, { LEGACY: "serve" }),
  server("legacy", legacy),
  server("missing", modern),
].map((one) => (one.name === "missing" ? { ...one, command: "/no/such/command" } : one));

let bridge: Bridge;
beforeEach(async () => {
  bridge = await startBridge(SERVERS);
});
afterEach(() => bridge.stop());

const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

function modernRequest(method: string, id: unknown, params: object, meta: object = {}): object {
  return ask(method, id, { ...params, _meta: { ...META, ...meta } });
}

const toolCall = (id: unknown, name: string, args: object, meta: object = {}): object =>
  modernRequest("tools/call", id, { name, arguments: args }, meta);

const to = (name: string): string => `${bridge.url}/${name}`;

/** What a tool of the fixture says, as JSON. */
function saidBy(message: string | Record<string, unknown>): unknown {
  const { result } = (typeof message === "string" ? JSON.parse(message) : message) as {
    result: { content: { text: string }[] };
  };
  return JSON.parse(result.content[0]!.text);
}

async function callTool(name: string, args: object, options: SendOptions = {}): Promise<unknown> {
  const sent: Sent = await send(to("modern"), toolCall("x", name, args), options);
  expect(sent.status).toBe(200);
  return saidBy(sent.json());
}

const pidOf = async (options: SendOptions = {}): Promise<number> =>
  ((await callTool("echo", { label: "" }, options)) as { pid: number }).pid;

describe("modern stdio servers behind the bridge", () => {
  it("answers as JSON, with the caller's id as it was written", async () => {
    const body = JSON.stringify(toolCall(1, "echo", { label: "a" })).replace('"id":1', '"id": 1.0');
    const answer = await send(to("modern"), body);
    expect(answer.status).toBe(200);
    expect(answer.session).toBe("");
    expect(answer.text).toContain('"id":1.0}');
    expect(saidBy(answer.json())).toMatchObject({ label: "a" });
  });

  it("keeps apart callers with the same ids and progress tokens", async () => {
    const held = await Promise.all(
      ["a", "b"].map(async (label) => {
        const call = toolCall(1, "hold", { label }, { progressToken: "same" });
        const messages = messagesOf(await post(to("modern"), call));
        return { messages, first: JSON.parse((await messages.next()).value as string) as object };
      }),
    );
    expect(held.map(({ first }) => first)).toEqual(
      ["a", "b"].map((message) => ({
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken: "same", progress: 1, message },
      })),
    );
    // In the other order than they were called.
    for (const [index, label] of [
      [1, "b"],
      [0, "a"],
    ] as const) {
      expect(await callTool("release", { label })).toEqual({ released: true });
      const last = (await held[index]!.messages.next()).value as string;
      expect(JSON.parse(last)).toMatchObject({ id: 1 });
      expect(saidBy(last)).toEqual({ label, how: "released" });
      expect((await held[index]!.messages.next()).done).toBe(true);
    }
  });

  it("runs one process for each organisation", async () => {
    const pids = [await pidOf(), await pidOf(), await pidOf({ org: "org-2" })];
    expect(pids[0]).toBe(pids[1]);
    expect(pids[0]).not.toBe(pids[2]);
  });

  it("tells the server of a caller that hung up, and of no other", async () => {
    const abort = new AbortController();
    const leaving = toolCall(1, "hold", { label: "leaves" }, { progressToken: 1 });
    const staying = toolCall(1, "hold", { label: "stays" }, { progressToken: 1 });
    const left = messagesOf(await post(to("modern"), leaving, { signal: abort.signal }));
    await left.next();
    const stayed = messagesOf(await post(to("modern"), staying));
    await stayed.next();
    abort.abort();
    await until("the server knows", async () =>
      ((await callTool("cancelled", {})) as string[]).includes("leaves"),
    );
    expect(await callTool("cancelled", {})).toEqual(["leaves"]);
    await callTool("release", { label: "stays" });
    expect(saidBy((await stayed.next()).value as string)).toMatchObject({ how: "released" });
  });

  it("does not let one caller cancel by another's id", async () => {
    const held = messagesOf(
      await post(to("modern"), toolCall(5, "hold", { label: "a" }, { progressToken: 1 })),
    );
    await held.next();
    for (const requestId of [1, 2, 3, 5]) {
      const cancelled = { requestId, _meta: META };
      const message = { jsonrpc: "2.0", method: "notifications/cancelled", params: cancelled };
      expect((await send(to("modern"), message)).status).toBe(202);
    }
    expect(await callTool("cancelled", {})).toEqual([]);
  });

  it("delivers what a subscription brings under the subscriber's id", async () => {
    const subscribe = modernRequest("subscriptions/listen", "s", {
      notifications: { toolsListChanged: true },
    });
    const streams = [
      messagesOf(await post(to("modern"), subscribe)),
      messagesOf(await post(to("modern"), subscribe)),
    ];
    const key = "io.modelcontextprotocol/subscriptionId";
    for (const stream of streams)
      expect(JSON.parse((await stream.next()).value as string)).toEqual({
        jsonrpc: "2.0",
        method: "notifications/subscriptions/acknowledged",
        params: { notifications: { toolsListChanged: true }, _meta: { [key]: "s" } },
      });
    await callTool("grow", { label: "fresh" });
    for (const stream of streams)
      expect(JSON.parse((await stream.next()).value as string)).toEqual({
        jsonrpc: "2.0",
        method: "notifications/tools/list_changed",
        params: { _meta: { [key]: "s" } },
      });
  });

  it("answers what runs with an error when the process ends, and starts it again", async () => {
    const before = await pidOf();
    const held = messagesOf(
      await post(to("modern"), toolCall(7, "hold", { label: "a" }, { progressToken: 1 })),
    );
    await held.next();
    const crashed = await send(to("modern"), toolCall(8, "crash", {}));
    expect(crashed.status).toBe(502);
    expect(crashed.json()).toMatchObject({ id: 8, error: { code: 1082 } });
    expect(JSON.parse((await held.next()).value as string)).toMatchObject({
      id: 7,
      error: { code: 1082 },
    });
    expect((await held.next()).done).toBe(true);
    expect(await pidOf()).not.toBe(before);
    expect(bridge.lines).toContainEqual(
      expect.objectContaining({ level: "warn", server: "modern", stderr: ["about to crash"] }),
    );
  });

  it("ends processes that nobody used for ten minutes", async () => {
    const pid = await pidOf();
    bridge.setNow(1_000_000 + 600_000);
    bridge.sweep();
    expect(await pidOf()).toBe(pid);
    bridge.setNow(1_000_000 + 600_000 + 600_001);
    bridge.sweep();
    await until("the process is gone", () => !isAlive(pid));
  });

  it("serves official clients side by side, with their own progress", async () => {
    const connect = async (): Promise<Client> => {
      const client = new Client(
        { name: "test", version: "1" },
        { versionNegotiation: { mode: { pin: "2026-07-28" } } },
      );
      const requestInit = { headers: bridgeHeaders() };
      await client.connect(
        new StreamableHTTPClientTransport(new URL(to("modern")), { requestInit }),
      );
      return client;
    };
    const clients = [await connect(), await connect()];
    const labels = ["a", "b"];
    const seen: string[][] = [[], []];
    const calls = clients.map((client, at) =>
      client.callTool(
        { name: "hold", arguments: { label: labels[at] } },
        { onprogress: ({ message }) => seen[at]!.push(message ?? "") },
      ),
    );
    await until("both hold", () => seen.every(({ length }) => length === 1));
    for (const label of labels) await callTool("release", { label });
    const answers = await Promise.all(calls);
    expect(seen).toEqual([["a"], ["b"]]);
    expect(answers.map((result) => saidBy({ result }))).toEqual(
      labels.map((label) => ({ label, how: "released" })),
    );
    await Promise.all(clients.map((client) => client.close()));
  });

  it("returns what a server of this era alone says to initialize", async () => {
    const initialize = ask("initialize", 3, {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "test", version: "1" },
    });
    const answer = await send(to("modern"), initialize);
    expect(answer).toMatchObject({ status: 200, session: "" });
    expect(answer.json()).toMatchObject({ id: 3, error: { code: -32022 } });
  });

  it("serves both eras of a server that speaks both", async () => {
    const initialize = ask("initialize", 3, {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "test", version: "1" },
    });
    const opened = await send(to("dual"), initialize);
    expect(opened.json()).toMatchObject({ result: { protocolVersion: "2025-11-25" } });
    const session = { session: opened.session };
    await send(to("dual"), { jsonrpc: "2.0", method: "notifications/initialized" }, session);
    const echo = { name: "echo", arguments: { label: "old" } };
    const old = await send(to("dual"), ask("tools/call", 1, echo), session);
    expect(saidBy(old.json())).toMatchObject({ label: "old" });
    const fresh = await send(to("dual"), toolCall(1, "echo", { label: "new" }));
    expect(saidBy(fresh.json())).toMatchObject({ label: "new" });
  });

  it("says -32600 to modern messages for a server that knows none", async () => {
    for (const message of [modernRequest("server/discover", "d", {}), toolCall("d", "echo", {})]) {
      const answer = await send(to("legacy"), message);
      expect(answer.status).toBe(400);
      expect(answer.json()).toMatchObject({ id: "d", error: { code: -32600 } });
    }
  });

  it("says that a command cannot be started, every time", async () => {
    for (let i = 0; i < 2; i++) {
      const answer = await send(to("missing"), modernRequest("server/discover", 1, {}));
      expect(answer.status).toBe(502);
      expect(answer.json()).toMatchObject({ id: 1, error: { code: 1080 } });
    }
  });
});
