import { spawn, type ChildProcess } from "node:child_process";
import type { Server } from "node:http";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { chooseFreePorts } from "@gatewayops/engines/ports";
import { makeKey, makeServer, signIn, type Admin } from "./control-plane.ts";
import { createInspector } from "./inspector.ts";
import { eventsOf, LEGACY_VERSION, openSession } from "./mcp-session.ts";
import { startModernServer } from "./modern-server.ts";
import { connectV1, connectV2, type ConnectSdk } from "../sdk-clients.ts";
import { bearer, mcpUrl, readStack, STACK_VARIABLE, waitFor } from "./stack.ts";

const stack = readStack();
/** The folder that the stack's server "filesystem" may read, with the files that a first start puts there. */
const SAMPLES = join(dirname(process.env[STACK_VARIABLE] ?? ""), "sample-files");
const ORDERS = "order,customer,amount_usd\n1001,Ada,12.50\n1002,Grace,99.00\n1003,Edsger,7.25\n";

let admin: Admin;
let key: string;

beforeAll(async () => {
  admin = await signIn(stack);
  key = (await makeKey(admin)).secret;
});

const MODERN_VERSION = "2026-07-28";
const SDKS: readonly (readonly [string, ConnectSdk, string])[] = [
  ["@modelcontextprotocol/sdk 1.x", connectV1, LEGACY_VERSION],
  ["@modelcontextprotocol/client 2.x", connectV2(), LEGACY_VERSION],
  // It asks for the modern era first, and the gateway has that for every server.
  ["@modelcontextprotocol/client 2.x in auto mode", connectV2("auto"), MODERN_VERSION],
];

describe.each(SDKS)("%s", (_name, connect, version) => {
  it("lists and calls the tools of a Streamable HTTP server", async () => {
    const client = await connect(mcpUrl(stack, "everything"), key);
    expect(client.version).toBe(version);
    expect(await client.listTools()).toEqual(
      expect.arrayContaining([
        "echo",
        "get-sum",
        "get-tiny-image",
        "trigger-long-running-operation",
      ]),
    );
    expect(await client.call("echo", { message: "grüße 🎉" })).toBe("Echo: grüße 🎉");
    expect(await client.call("get-sum", { a: 19, b: 23 })).toBe("The sum of 19 and 23 is 42.");
    await client.close();
  });

  it("lists and calls the tools of a stdio server", async () => {
    const client = await connect(mcpUrl(stack, "filesystem"), key);
    expect(await client.listTools()).toEqual(
      expect.arrayContaining(["read_text_file", "list_directory", "write_file"]),
    );
    const listing = await client.call("list_directory", { path: SAMPLES });
    expect(listing.split("\n").sort()).toEqual(
      expect.arrayContaining(["[FILE] orders.csv", "[FILE] settings.json", "[FILE] welcome.md"]),
    );
    expect(await client.call("read_text_file", { path: join(SAMPLES, "orders.csv") })).toBe(ORDERS);
    await client.close();
  });

  it("gets progress while a tool runs", async () => {
    const client = await connect(mcpUrl(stack, "everything"), key);
    const began = performance.now();
    const arrivals: { at: number; ms: number }[] = [];
    const text = await client.call(
      "trigger-long-running-operation",
      { duration: 0.9, steps: 3 },
      { onProgress: (at) => arrivals.push({ at, ms: performance.now() - began }) },
    );
    const endedMs = performance.now() - began;
    expect(text).toBe("Long running operation completed. Duration: 0.9 seconds, Steps: 3.");
    expect(arrivals.map(({ at }) => at)).toEqual([1, 2, 3]);
    // The first step ends 600 ms before the last: an answer held back would bring all of them at its end.
    expect(endedMs - (arrivals[0]?.ms ?? endedMs)).toBeGreaterThan(400);
    await client.close();
  });
});

describe.each(SDKS.slice(0, 2))("%s", (_name, connect) => {
  it("ends its session with a DELETE, after which the session is gone", async () => {
    const client = await connect(mcpUrl(stack, "everything"), key);
    const { sessionId } = client;
    expect(sessionId).toMatch(/^[\x21-\x7e]{40,}$/);
    await client.endSession();
    const after = await fetch(mcpUrl(stack, "everything"), {
      method: "POST",
      headers: {
        ...bearer(key),
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-session-id": sessionId ?? "",
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    });
    expect(after.status).toBe(404);
    await client.close();
  });
});

describe("@modelcontextprotocol/client 2.x with a server of the modern era", () => {
  let fixture: { url: string; server: Server };
  let name: string;

  beforeAll(async () => {
    fixture = await startModernServer();
    name = await makeServer(admin, { url: fixture.url });
  });

  afterAll(() => {
    fixture.server.closeAllConnections();
    fixture.server.close();
  });

  it.each([
    ["pinned to 2026-07-28", { pin: "2026-07-28" }],
    ["in auto mode", "auto"],
  ] as const)("lists and calls tools %s", async (_mode, mode) => {
    const client = await connectV2(mode)(mcpUrl(stack, name), key);
    expect(client.version).toBe("2026-07-28");
    expect(client.sessionId).toBeUndefined();
    expect(await client.listTools()).toEqual(["greet"]);
    expect(await client.call("greet", {})).toBe("Hello from the modern era");
    await client.close();
  });
});

describe("a server that speaks HTTP+SSE, of 2024-11-05", () => {
  let server: ChildProcess;
  let name: string;

  beforeAll(async () => {
    const program = join(
      import.meta.dirname,
      "../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js",
    );
    const [port] = await chooseFreePorts(1);
    server = spawn(process.execPath, [program, "sse"], {
      env: { PATH: process.env["PATH"], PORT: String(port) },
      stdio: "ignore",
    });
    const url = `http://127.0.0.1:${port}/sse`;
    await waitFor("the server listens", 20_000, async () => {
      const abort = new AbortController();
      const response = await fetch(url, { signal: abort.signal });
      abort.abort();
      return response.ok || undefined;
    });
    name = await makeServer(admin, { url });
  }, 30_000);

  afterAll(() => {
    server.kill();
  });

  it.each(SDKS)("is listed and called by %s", async (_name, connect) => {
    const client = await connect(mcpUrl(stack, name), key);
    expect(await client.listTools()).toEqual(expect.arrayContaining(["echo", "get-sum"]));
    expect(await client.call("echo", { message: "old but well" })).toBe("Echo: old but well");
    await client.close();
  });
});

describe("MCP Inspector CLI", () => {
  const inspector = createInspector(() => key);

  afterAll(() => {
    inspector.close();
  });

  const inspect = (server: string, ...args: string[]) =>
    inspector.run(mcpUrl(stack, server), ...args);

  it.each([
    ["everything", ["echo", "get-sum"]],
    ["filesystem", ["read_text_file", "list_directory"]],
  ])("lists the tools of %s", async (server, tools) => {
    const { code, stdout, stderr } = await inspect(server, "--method", "tools/list");
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
    const { result } = JSON.parse(stdout) as { result: { tools: { name: string }[] } };
    expect(result.tools.map(({ name }) => name)).toEqual(expect.arrayContaining(tools));
  });

  it("calls a tool of each server", async () => {
    const call = (server: string, tool: string, arg: string) =>
      inspect(server, "--method", "tools/call", "--tool-name", tool, "--tool-arg", arg);
    const [echo, read] = await Promise.all([
      call("everything", "echo", "message=hi"),
      call("filesystem", "read_text_file", `path=${join(SAMPLES, "orders.csv")}`),
    ]);
    expect(echo.code).toBe(0);
    expect(JSON.parse(echo.stdout)).toEqual({
      result: { content: [{ type: "text", text: "Echo: hi" }] },
    });
    expect(read.code).toBe(0);
    expect(JSON.parse(read.stdout)).toMatchObject({
      result: { content: [{ type: "text", text: ORDERS }] },
    });
  });

  it("says why it may not, with exit code 1, when the server is unknown", async () => {
    const { code, stdout, stderr } = await inspect("no-such-server", "--method", "tools/list");
    expect(code).toBe(1);
    expect(`${stdout}${stderr}`).toContain("SERVER_UNKNOWN");
    expect(`${stdout}${stderr}`).toContain("no-such-server");
  });
});

describe("a session of the legacy era", () => {
  it("is answered to DELETE with a success without a body", async () => {
    const session = await openSession(stack, "everything", key);
    const ended = await session.end();
    expect({ status: ended.status, body: await ended.text() }).toEqual({ status: 200, body: "" });
    expect(ended.headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
  });

  it.each(["everything", "filesystem"])(
    "of one key is refused with 404 for another key: %s",
    async (server) => {
      const [mine, other] = [await openSession(stack, server, key), await makeKey(admin)];
      const stolen = await fetch(mcpUrl(stack, server), {
        method: "POST",
        headers: {
          ...bearer(other.secret),
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          "mcp-session-id": mine.id,
        },
        body: '{"jsonrpc":"2.0","id":"x-1","method":"tools/list"}',
      });
      expect(stolen.status).toBe(404);
      expect(await stolen.json()).toEqual({
        jsonrpc: "2.0",
        id: "x-1",
        error: {
          code: 1044,
          message: expect.stringContaining("initialize"),
          data: { reason: "SESSION_UNKNOWN", request_id: stolen.headers.get("x-request-id") },
        },
      });
      for (const method of ["GET", "DELETE"]) {
        const answer = await fetch(mcpUrl(stack, server), {
          method,
          headers: {
            ...bearer(other.secret),
            accept: "text/event-stream",
            "mcp-session-id": mine.id,
          },
        });
        expect({ method, status: answer.status }).toEqual({ method, status: 404 });
      }
      // The attempts did not end it.
      expect((await mine.request("ping")).result).toEqual({});
    },
  );

  it("of one server is refused with 404 for another server", async () => {
    const { id } = await openSession(stack, "everything", key);
    const answer = await fetch(mcpUrl(stack, "filesystem"), {
      method: "POST",
      headers: { ...bearer(key), "content-type": "application/json", "mcp-session-id": id },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    });
    expect(answer.status).toBe(404);
  });

  it("carries what the server says on its own over GET", async () => {
    const session = await openSession(stack, "everything", key);
    const stop = new AbortController();
    const stream = await session.openStream(stop.signal);
    expect(stream.status).toBe(200);
    expect(stream.headers.get("content-type")).toBe("text/event-stream");
    // Headers are here though the stream may be silent for hours: nothing is buffered.
    let heard = "";
    const reading = (async () => {
      for await (const chunk of stream.body ?? []) heard += Buffer.from(chunk).toString("utf8");
    })().catch(() => undefined); // aborted below
    const toggle = { name: "toggle-simulated-logging", arguments: {} };
    await session.request("tools/call", toggle);
    const messages = await waitFor("a log message on the stream", 5_000, () => {
      const events = eventsOf(heard);
      return events.length > 0 ? events : undefined;
    });
    expect(messages[0]).toMatchObject({ method: "notifications/message" });
    await session.request("tools/call", toggle);
    stop.abort();
    await reading;
    await session.end();
  });
});
