import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  ask,
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
import { eventDataOf } from "./sse-events.ts";

const fixture = fileURLToPath(new URL("./fixtures/stdio-server.mjs", import.meta.url));
const SERVERS = [
  {
    name: "test",
    command: process.execPath,
    args: [fixture],
    env: {},
    stateless: true,
  },
];

let bridge: Bridge;
beforeEach(async () => {
  bridge = await startBridge(SERVERS);
});
afterEach(() => bridge.stop());

const to = (message: unknown, options: SendOptions = {}): Promise<Sent> =>
  send(`${bridge.url}/test`, message, options);

const initialize = (id: unknown = 0): object =>
  ask("initialize", id, {
    protocolVersion: "2025-11-25",
    capabilities: { sampling: {}, roots: { listChanged: true } },
    clientInfo: { name: "test", version: "1" },
  });

async function open(options: SendOptions = {}): Promise<string> {
  const answer = await to(initialize(), options);
  expect(answer.status).toBe(200);
  expect(answer.session).toMatch(/^[0-9a-f]{32}$/);
  return answer.session;
}

const resultOf = (sent: Sent): Record<string, unknown> =>
  sent.json()["result"] as Record<string, unknown>;

const pidOf = async (session: string, org = "org-1"): Promise<number> =>
  resultOf(await to(ask("test/pid"), { session, org }))["pid"] as number;

/** What the server read from its clients, line by line. */
async function receivedBy(session: string): Promise<Record<string, unknown>[]> {
  const { lines } = resultOf(await to(ask("test/received", "r"), { session })) as {
    lines: string[];
  };
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("stateless stdio servers behind the bridge", () => {
  it("run one process for all sessions of an organisation", async () => {
    const sessions = [await open(), await open()];
    const other = await open({ org: "org-2" });
    const pids = [await pidOf(sessions[0]!), await pidOf(sessions[1]!)];
    expect(pids[0]).toBe(pids[1]);
    expect(await pidOf(other, "org-2")).not.toBe(pids[0]);
  });

  it("are initialized once, and every session gets that answer under its own id", async () => {
    const [first, second] = await Promise.all([to(initialize("a")), to(initialize("b"))]);
    expect(first.json()["id"]).toBe("a");
    expect(second.json()["id"]).toBe("b");
    expect(first.json()["result"]).toEqual(second.json()["result"]);
    expect(first.session).not.toBe(second.session);
    const initialized = { jsonrpc: "2.0", method: "notifications/initialized" };
    for (const { session } of [first, second])
      expect((await to(initialized, { session })).status).toBe(202);
    const methods = (await receivedBy(first.session)).map(({ method }) => method);
    expect(methods).toEqual(["initialize", "notifications/initialized", "test/received"]);
  });

  it("are offered no capabilities, and the rest of initialize as the client wrote it", async () => {
    const session = await open();
    const [received] = await receivedBy(session);
    expect(received).toMatchObject({
      params: {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "test", version: "1" },
      },
    });
    expect(received?.["params"]).toHaveProperty("capabilities", {});
  });

  it("keep apart sessions with the same ids and progress tokens", async () => {
    const sessions = [await open(), await open()];
    const call = (session: string): Promise<Sent> =>
      to(ask("test/progress", 2, { _meta: { progressToken: "p" } }), { session });
    const answers = await Promise.all(sessions.map(call));
    const events = answers.map(({ text }) =>
      eventDataOf(text).map((data) => JSON.parse(data) as unknown),
    );
    for (const [progress, answer] of events as [object, { id: number; result: object }][]) {
      expect(progress).toMatchObject({ params: { progressToken: "p", progress: 1 } });
      expect(answer).toMatchObject({ id: 2 });
    }
    // The server answers with the token it was given: two calls, two of them.
    const tokens = events.map((seen) => (seen[1] as { result: { token: number } }).result.token);
    expect(new Set(tokens).size).toBe(2);
  });

  it("refuse an id that is still running in the session, and take it in another", async () => {
    const sessions = [await open(), await open()];
    const silent = post(`${bridge.url}/test`, ask("test/silent", 100), { session: sessions[0]! });
    silent.catch(() => undefined);
    await until("it runs", async () =>
      (await receivedBy(sessions[0]!)).some(({ method }) => method === "test/silent"),
    );
    const again = { session: sessions[0]! };
    expect((await to(ask("test/pid", 100), again)).status).toBe(400);
    expect((await to(ask("test/pid", 100), { session: sessions[1]! })).status).toBe(200);
  });

  it("are told of cancellations under the ids they know", async () => {
    const sessions = [await open(), await open()];
    for (const session of sessions) {
      const silent = post(`${bridge.url}/test`, ask("test/silent", 7), { session });
      silent.catch(() => undefined);
    }
    const silentOnes = async (): Promise<Record<string, unknown>[]> =>
      (await receivedBy(sessions[0]!)).filter(({ method }) => method === "test/silent");
    await until("both run", async () => (await silentOnes()).length === 2);
    const cancelled = {
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 7, reason: "no longer needed" },
    };
    for (const session of sessions) expect((await to(cancelled, { session })).status).toBe(202);
    const stranger = { ...cancelled, params: { requestId: 1 } };
    expect((await to(stranger, { session: sessions[0]! })).status).toBe(202);
    const received = await receivedBy(sessions[0]!);
    const ids = received.filter(({ method }) => method === "test/silent").map(({ id }) => id);
    const told = received.filter(({ method }) => method === "notifications/cancelled");
    expect(told.map(({ params }) => params)).toEqual(
      expect.arrayContaining(ids.map((requestId) => ({ requestId, reason: "no longer needed" }))),
    );
    expect(told).toHaveLength(2);
  });

  it("get -32601 for requests of their own, but an answer to ping", async () => {
    const session = await open();
    await to(ask("test/ask", 1, { method: "sampling/createMessage", id: "s" }), { session });
    await to(ask("test/ask", 2, { method: "ping", id: "p" }), { session });
    await until("both are answered", async () => {
      const answers = (await receivedBy(session)).filter(({ method }) => method === undefined);
      return answers.length === 2;
    });
    const answers = (await receivedBy(session)).filter(({ method }) => method === undefined);
    expect(answers[0]).toMatchObject({ id: "s", error: { code: -32601 } });
    expect(answers[1]).toEqual({ jsonrpc: "2.0", id: "p", result: {} });
  });

  it("tell every session what belongs to no request, but log lines only whose they are", async () => {
    const sessions = [await open(), await open()];
    const streams = await Promise.all(
      sessions.map(async (session) =>
        messagesOf(await post(`${bridge.url}/test`, undefined, { session, method: "GET" })),
      ),
    );
    const logged = await to(ask("test/say", 3), { session: sessions[0]! });
    expect(logged.text).toContain('"data":"unasked"');
    await to(ask("test/changed", 4), { session: sessions[0]! });
    for (const stream of streams)
      expect(JSON.parse((await stream.next()).value as string)).toEqual({
        jsonrpc: "2.0",
        method: "notifications/tools/list_changed",
      });
  });

  it.each([
    ["while another lives", true],
    ["the last one", false],
  ])(
    "fail what runs in a session that is ended, %s",
    async (_which, isShared) => {
      const session = await open();
      const other = isShared ? await open() : undefined;
      const silent = to(ask("test/silent", "s-1"), { session });
      await until("it runs", async () =>
        (await receivedBy(session)).some(({ method }) => method === "test/silent"),
      );
      const ended = await to(undefined, { session, method: "DELETE" });
      expect(ended.status).toBeLessThan(300);
      const answer = await silent;
      expect(answer.status).toBe(502);
      expect(answer.json()).toMatchObject({ id: "s-1", error: { code: 1_082 } });
      if (other === undefined) return;
      const methods = (await receivedBy(other)).map(({ method }) => method);
      expect(methods).toContain("notifications/cancelled");
    },
    10_000,
  );

  it("are started and initialized again when they end, and the sessions go on", async () => {
    const session = await open();
    const before = await pidOf(session);
    const crashed = await to(ask("test/crash", "x"), { session });
    expect(crashed.status).toBe(502);
    expect(crashed.json()).toMatchObject({ id: "x", error: { code: 1082 } });
    expect(await pidOf(session)).not.toBe(before);
    const methods = (await receivedBy(session)).map(({ method }) => method);
    expect(methods.slice(0, 2)).toEqual(["initialize", "notifications/initialized"]);
  });

  it("end with the last of their sessions", async () => {
    const sessions = [await open(), await open()];
    const pid = await pidOf(sessions[0]!);
    await to(undefined, { session: sessions[0]!, method: "DELETE" });
    expect(await pidOf(sessions[1]!)).toBe(pid);
    await to(undefined, { session: sessions[1]!, method: "DELETE" });
    await until("the process is gone", () => !isAlive(pid));
    expect(await pidOf(await open())).not.toBe(pid);
  });
});
