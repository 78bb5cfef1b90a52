import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { StdioServer } from "../src/bridge/stdio-process.ts";
import { BRIDGE_SECRET_HEADER } from "../src/upstream/registry.ts";
import {
  SECRET,
  ask,
  isAlive,
  send as sendTo,
  startBridge,
  type Bridge,
  type SendOptions,
  type Sent,
} from "./bridge-run.ts";
import { until } from "./engine-redis.ts";
import { eventDataOf } from "./sse-events.ts";

const fixture = fileURLToPath(new URL("./fixtures/stdio-server.mjs", import.meta.url));

const SERVERS: readonly StdioServer[] = [
  { name: "test", command: process.execPath, args: [fixture], env: { OWN: "1" }, stateless: false },
  {
    name: "greeting",
    command: process.execPath,
    args: [fixture],
    env: { GREET: "1" },
    stateless: false,
  },
  { name: "sse", command: process.execPath, args: [fixture], env: {}, stateless: false },
  { name: "missing", command: "/no/such/command", args: [], env: {}, stateless: false },
];

let bridge: Bridge | undefined;

afterEach(async () => {
  await bridge?.stop();
  bridge = undefined;
});

async function startHost(): Promise<Bridge> {
  bridge = await startBridge(SERVERS);
  return bridge;
}

const send = (
  host: Bridge,
  message: unknown,
  options: SendOptions & { server?: string } = {},
): Promise<Sent> => sendTo(`${host.url}/${options.server ?? "test"}`, message, options);

async function initialize(host: Bridge, server = "test", org = "org-1"): Promise<string> {
  const answer = await send(host, { jsonrpc: "2.0", id: 0, method: "initialize" }, { server, org });
  expect(answer.status).toBe(200);
  return answer.session;
}

/** Results of the fixture's methods. */
type Result = {
  pid: number;
  calls: number;
  env: Record<string, string>;
  params: unknown;
};

const resultOf = (sent: Sent): Result => sent.json()["result"] as Result;

describe("stdio servers behind the bridge", () => {
  it("opens a session with initialize and answers requests by their id", async () => {
    const host = await startHost();
    const session = await initialize(host);
    expect(session).toMatch(/^[0-9a-f]{32}$/);
    const [first, second] = await Promise.all([
      send(host, ask("test/pid", "a"), { session }),
      send(host, ask("test/pid", "b"), { session }),
    ]);
    expect(first.json()["id"]).toBe("a");
    expect(second.json()["id"]).toBe("b");
  });

  it('tells the ids 1 and "1" apart, and answers in whatever order the server does', async () => {
    const host = await startHost();
    const session = await initialize(host);
    const silent = send(host, ask("test/silent", 100), { session });
    const text = send(host, ask("test/silent", "100"), { session });
    expect((await send(host, ask("test/answers", 1), { session })).status).toBe(200);
    expect(resultOf(await silent)).toEqual({ late: true });
    const crashed = send(host, ask("test/crash", 2), { session });
    expect((await text).status).toBe(502);
    expect((await crashed).status).toBe(502);
  });

  it("runs one process per session", async () => {
    const host = await startHost();
    const sessions = [await initialize(host), await initialize(host)];
    const pids = await Promise.all(
      sessions.map(async (session) => resultOf(await send(host, ask("test/pid"), { session }))),
    );
    expect(pids[0]!.pid).not.toBe(pids[1]!.pid);
    expect(pids.map(({ calls }) => calls)).toEqual([1, 1]);
  });

  it("gives a server its own environment and the minimal one, and nothing of ours", async () => {
    const host = await startHost();
    const session = await initialize(host);
    const { env } = resultOf(await send(host, ask("test/env"), { session }));
    expect(env["OWN"]).toBe("1");
    expect(Object.keys(env).filter((name) => !["OWN", "PATH"].includes(name))).toEqual([]);
  });

  it("refuses whoever does not know the secret", async () => {
    const host = await startHost();
    const session = await initialize(host);
    for (const secret of ["", "wrong", `${SECRET}x`, SECRET.replace("t", "T")])
      expect((await send(host, ask("test/pid"), { session, secret })).status).toBe(403);
  });

  it("knows no session of another organisation or another server", async () => {
    const host = await startHost();
    const session = await initialize(host);
    expect((await send(host, ask("test/pid"), { session, org: "org-2" })).status).toBe(404);
    expect((await send(host, ask("test/pid"), { session, server: "greeting" })).status).toBe(404);
    const gone = await send(host, undefined, { session, org: "org-2", method: "DELETE" });
    expect(gone.status).toBe(404);
    expect((await send(host, ask("test/pid"), { session })).status).toBe(200);
  });

  it("asks for initialize first, and again when the session is unknown", async () => {
    const host = await startHost();
    expect((await send(host, ask("test/pid"))).status).toBe(400);
    expect((await send(host, ask("test/pid"), { session: "f".repeat(32) })).status).toBe(404);
  });

  it("serves a server whose name is a path of the bridge's own", async () => {
    const host = await startHost();
    const session = await initialize(host, "sse");
    expect((await send(host, ask("test/pid"), { session, server: "sse" })).status).toBe(200);
  });

  it("does not serve what config.yaml does not list", async () => {
    const host = await startHost();
    expect((await send(host, ask("initialize"), { server: "rm" })).status).toBe(404);
  });

  it("reports a command that cannot be started, and goes on", async () => {
    const host = await startHost();
    const answer = await send(host, ask("initialize"), { server: "missing" });
    expect(answer.status).toBe(502);
    expect(await initialize(host)).not.toBe("");
  });

  it("sends progress to the request that asked for it", async () => {
    const host = await startHost();
    const session = await initialize(host);
    const silent = send(host, ask("test/silent", 100), { session });
    const answer = await send(host, ask("test/progress", 2, { _meta: { progressToken: "p2" } }), {
      session,
    });
    const events = eventDataOf(answer.text);
    expect(events).toHaveLength(2);
    expect(events[0]).toContain('"progressToken":"p2"');
    expect(events[1]).toContain('"id":2');
    await send(host, ask("test/answers", 3), { session });
    expect((await silent).json()["id"]).toBe(100);
  });

  it("gives the session id also when the server speaks before it answers initialize", async () => {
    const host = await startHost();
    const session = await initialize(host, "greeting");
    expect(session).toMatch(/^[0-9a-f]{32}$/);
  });

  it("sends what belongs to no request to the server's own stream", async () => {
    const host = await startHost();
    const session = await initialize(host);
    const abort = new AbortController();
    const stream = await fetch(`${host.url}/test`, {
      headers: { "x-gwo-org": "org-1", [BRIDGE_SECRET_HEADER]: SECRET, "mcp-session-id": session },
      signal: abort.signal,
    });
    const answer = await send(host, ask("test/say"), { session });
    expect(answer.json()["result"]).toEqual({});
    const reader = stream.body!.getReader();
    const { value } = (await reader.read()) as { value: Uint8Array };
    expect(Buffer.from(value).toString()).toBe(
      'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"unasked"}}\n\n',
    );
    abort.abort();
  });

  it("passes messages with line breaks between their tokens as one line", async () => {
    const host = await startHost();
    const session = await initialize(host);
    const pretty = JSON.stringify(ask("test/echo", 5, { text: "a\nb\r\nc", n: 1 }), undefined, 2);
    expect(pretty).toContain("\n");
    const answer = await send(host, pretty.replaceAll("\n", "\r\n"), { session });
    expect(resultOf(answer)["params"]).toEqual({ text: "a\nb\r\nc", n: 1 });
  });

  it("takes notifications with 202 at once", async () => {
    const host = await startHost();
    const session = await initialize(host);
    const answer = await send(
      host,
      { jsonrpc: "2.0", method: "notifications/initialized" },
      { session },
    );
    expect(answer).toMatchObject({ status: 202, text: "" });
  });

  it("refuses an id that is still running in the session", async () => {
    const host = await startHost();
    const session = await initialize(host);
    const silent = send(host, ask("test/silent", 100), { session });
    const again = await send(host, ask("test/pid", 1), { session });
    expect(again.status).toBe(200);
    expect((await send(host, ask("test/pid", 100), { session })).status).toBe(400);
    await send(host, ask("test/answers", 2), { session });
    expect((await silent).status).toBe(200);
  });

  it("passes over what is no JSON on the server's output", async () => {
    const host = await startHost();
    const session = await initialize(host);
    expect(resultOf(await send(host, ask("test/garbage"), { session }))).toEqual({});
  });

  it("answers with an error when the server ends in the middle of a request", async () => {
    const host = await startHost();
    const session = await initialize(host);
    const answer = await send(host, ask("test/crash", "x"), { session });
    expect(answer.status).toBe(502);
    expect(answer.json()).toMatchObject({ id: "x", error: { code: 1082 } });
    expect((await send(host, ask("test/pid"), { session })).status).toBe(404);
  });

  it("delivers a long answer of a server that ends right after it", async () => {
    const host = await startHost();
    for (let i = 0; i < 8; i++) {
      const session = await initialize(host);
      const answer = await send(host, ask("test/answer-and-exit", 1, { bytes: 300_000 }), {
        session,
      });
      expect(answer.status).toBe(200);
      expect(answer.text.length).toBeGreaterThan(300_000);
    }
  });

  it("ends the process at DELETE", async () => {
    const host = await startHost();
    const session = await initialize(host);
    const { pid } = resultOf(await send(host, ask("test/pid"), { session }));
    expect((await send(host, undefined, { session, method: "DELETE" })).status).toBe(200);
    expect((await send(host, ask("test/pid"), { session })).status).toBe(404);
    await until("the process is gone", () => !isAlive(pid));
  });

  it("ends sessions that nobody used for ten minutes, and no others", async () => {
    const host = await startHost();
    const idle = await initialize(host);
    const { pid } = resultOf(await send(host, ask("test/pid"), { session: idle }));
    host.setNow(1_000_000 + 600_000);
    const used = await initialize(host);
    host.sweep();
    expect((await send(host, ask("test/pid"), { session: used })).status).toBe(200);
    expect(isAlive(pid)).toBe(true);
    host.setNow(1_000_000 + 600_001);
    host.sweep();
    await until("the process is gone", () => !isAlive(pid));
    expect((await send(host, ask("test/pid"), { session: used })).status).toBe(200);
  });

  it("refuses other methods and bodies that are no JSON", async () => {
    const host = await startHost();
    expect((await send(host, undefined, { method: "PUT" })).status).toBe(405);
    const broken = await send(host, "{");
    expect(broken.status).toBeGreaterThanOrEqual(400);
    expect(broken.json()).toHaveProperty("error");
  });
});
