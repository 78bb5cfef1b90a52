import { spawn, type ChildProcess } from "node:child_process";
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { chooseFreePorts } from "@gatewayops/engines/ports";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ListRootsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { createAddressGuard } from "../src/upstream/address-guard.ts";
import {
  ask,
  bridgeHeaders,
  messagesOf,
  post,
  send,
  startBridge,
  type Bridge,
  type SendOptions,
} from "./bridge-run.ts";
import { until } from "./engine-redis.ts";

/** JSON-RPC code of UPSTREAM_UNREACHABLE. */
const UNREACHABLE = 1_080;

let bridge: Bridge;
const closers: (() => Promise<void>)[] = [];
beforeEach(async () => {
  bridge = await startBridge([]);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await bridge.stop();
});

const upstream = (url: string, options: SendOptions = {}): SendOptions => ({
  ...options,
  headers: { "x-gwo-upstream-url": url, ...options.headers },
});

const sse = (): string => `${bridge.url}/sse`;

/** Starts an HTTP server on a free port. */
async function serve(listener: RequestListener, onConnection = (): void => {}): Promise<string> {
  const server = createServer(listener).on("connection", onConnection);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Fake = {
  readonly url: string;
  readonly streams: ServerResponse[];
  readonly opened: IncomingHttpHeaders[];
  readonly posted: { headers: IncomingHttpHeaders; path: string; body: string }[];
  /** Streams that ended. */
  closed: number;
};

type FakeOptions = {
  readonly endpoint?: string;
  readonly postStatus?: number;
  readonly onConnection?: () => void;
};

/** A server over HTTP+SSE that says what the test writes into its streams. */
async function startFake(options: FakeOptions = {}): Promise<Fake> {
  const streams: ServerResponse[] = [];
  const opened: Fake["opened"] = [];
  const posted: Fake["posted"] = [];
  const fake: Fake = { url: "", streams, opened, posted, closed: 0 };
  const origin = await serve((request, response) => {
    if (request.method === "GET") {
      opened.push(request.headers);
      streams.push(response);
      response.on("close", () => fake.closed++);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`event: endpoint\ndata: ${options.endpoint ?? "/in?to=1"}\n\n`);
      return;
    }
    void text(request).then((body) => {
      posted.push({ headers: request.headers, path: request.url ?? "", body });
      response.writeHead(options.postStatus ?? 202).end();
    });
  }, options.onConnection);
  return Object.assign(fake, { url: `${origin}/sse` });
}

/** Opens a session; the fake answers `initialize` as soon as it came. */
async function open(fake: Fake): Promise<string> {
  const streams = fake.streams.length;
  const posted = fake.posted.length;
  const answer = send(sse(), ask("initialize", 0), upstream(fake.url));
  await until("initialize arrives", () => fake.posted.length > posted);
  say(fake.streams[streams]!, { id: 0, result: { protocolVersion: "2024-11-05" } });
  const { status, session } = await answer;
  expect(status).toBe(200);
  return session;
}

function say(stream: ServerResponse, message: object): void {
  stream.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`);
}

describe("a real server over HTTP+SSE behind the bridge", () => {
  let server: ChildProcess;
  let url: string;

  beforeEach(async () => {
    const [port] = await chooseFreePorts(1);
    url = `http://127.0.0.1:${port}/sse`;
    const program = createRequire(import.meta.url).resolve(
      "@modelcontextprotocol/server-everything/dist/index.js",
    );
    server = spawn(process.execPath, [program, "sse"], {
      env: { PATH: process.env["PATH"], PORT: String(port) },
      stdio: "ignore",
    });
    await until("the server speaks", async () => {
      const probe = await send(`${sse()}/probe`, undefined, upstream(url, { method: "GET" }));
      return probe.status === 204;
    });
  });

  afterEach(async () => {
    const gone = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGKILL");
    await gone;
  });

  async function connect(): Promise<Client> {
    const client = new Client(
      { name: "test", version: "1" },
      { capabilities: { roots: { listChanged: true } } },
    );
    client.setRequestHandler(ListRootsRequestSchema, () => ({
      roots: [{ uri: "file:///data", name: "data" }],
    }));
    const transport = new StreamableHTTPClientTransport(new URL(sse()), {
      requestInit: { headers: { ...bridgeHeaders(), "x-gwo-upstream-url": url } },
    });
    await client.connect(transport);
    closers.push(() => client.close());
    return client;
  }

  it("lists and calls its tools", async () => {
    const client = await connect();
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("echo");
    const answer = await client.callTool({ name: "echo", arguments: { message: "héllo" } });
    expect(answer["content"]).toEqual([{ type: "text", text: "Echo: héllo" }]);
  });

  it("passes progress to the call that asked for it", async () => {
    const client = await connect();
    const progress: number[] = [];
    await client.callTool(
      { name: "trigger-long-running-operation", arguments: { duration: 0.3, steps: 3 } },
      undefined,
      { onprogress: (at) => progress.push(at.progress) },
    );
    expect(progress).toEqual([1, 2, 3]);
  });

  it("passes the server's requests to the client and back", async () => {
    const client = await connect();
    await until("the server lists the roots", async () => {
      const { tools } = await client.listTools();
      return tools.some(({ name }) => name === "get-roots-list");
    });
    const answer = await client.callTool({ name: "get-roots-list", arguments: {} });
    expect(JSON.stringify(answer["content"])).toContain("file:///data");
  });

  it("serves sessions side by side", async () => {
    const clients = await Promise.all([connect(), connect(), connect()]);
    const answers = await Promise.all(
      clients.map((client, at) =>
        client.callTool({ name: "echo", arguments: { message: String(at) } }),
      ),
    );
    expect(answers.map((answer) => answer["content"])).toEqual(
      ["0", "1", "2"].map((at) => [{ type: "text", text: `Echo: ${at}` }]),
    );
  });
});

describe("servers over HTTP+SSE behind the bridge", () => {
  it("posts the bytes of a message to the endpoint, and returns those of the answer", async () => {
    const fake = await startFake();
    const session = await open(fake);
    const body = '{ "jsonrpc":"2.0","id":"é", "method":"x/y" }';
    const answer = send(sse(), body, upstream(fake.url, { session }));
    await until("it arrives", () => fake.posted.length === 2);
    expect(fake.posted[1]).toMatchObject({ path: "/in?to=1", body });
    fake.streams[0]!.write('data: {"jsonrpc":"2.0",\ndata:  "id":"é","result":{"a" : 1}}\n\n');
    // Lines of data are joined by a line break; the first space after the colon is none of it.
    expect((await answer).text).toBe('{"jsonrpc":"2.0",\n "id":"é","result":{"a" : 1}}');
  });

  it("forwards credentials with the connection and each message, and nothing of the gateway's", async () => {
    const fake = await startFake();
    const session = await open(fake);
    const headers = {
      authorization: "Bearer 1",
      "x-team": "a",
      "mcp-protocol-version": "2025-06-18",
    };
    await send(
      sse(),
      { jsonrpc: "2.0", method: "notifications/initialized" },
      upstream(fake.url, { session, headers }),
    );
    const { headers: sent } = fake.posted[1]!;
    expect(sent).toMatchObject({
      authorization: "Bearer 1",
      "x-team": "a",
      "content-type": "application/json",
      host: new URL(fake.url).host,
    });
    const alien = (name: string): boolean => name.startsWith("x-gwo-") || name.startsWith("mcp-");
    expect(Object.keys(sent).filter(alien)).toEqual([]);
    expect(Object.keys(fake.opened[0]!).filter(alien)).toEqual([]);
    expect(fake.opened[0]).toMatchObject({ accept: "text/event-stream" });
  });

  it("refuses an endpoint of another origin", async () => {
    const elsewhere = await startFake();
    const fake = await startFake({ endpoint: elsewhere.url });
    const answer = await send(sse(), ask("initialize", 4), upstream(fake.url));
    expect(answer.status).toBe(502);
    expect(answer.json()).toMatchObject({ id: 4, error: { code: 1083 } });
    expect(answer.text).toContain("another origin");
    expect(elsewhere.posted).toEqual([]);
    await until("the connection is closed", () => fake.closed === 1);
  });

  it.each([
    ["an error", 404, "text/plain", "404"],
    ["a redirect", 302, "text/event-stream", "302"],
    ["a page", 200, "text/html", "no event stream"],
  ])("says at initialize that the URL answers with %s", async (_what, status, type, words) => {
    const elsewhere = await startFake();
    const origin = await serve((_request, response) => {
      response.writeHead(status, { "content-type": type, location: elsewhere.url });
      response.end("event: endpoint\ndata: /in\n\n");
    });
    const answer = await send(sse(), ask("initialize"), upstream(`${origin}/sse`));
    expect(answer.status).toBe(502);
    expect(answer.text).toContain(words);
    expect(elsewhere.opened).toEqual([]);
  });

  it("says at initialize that nobody listens", async () => {
    const [port] = await chooseFreePorts(1);
    const answer = await send(sse(), ask("initialize"), upstream(`http://127.0.0.1:${port}/sse`));
    expect(answer.status).toBe(502);
    expect(answer.json()).toMatchObject({ error: { code: UNREACHABLE } });
  });

  it("answers a message that the server does not take with an error", async () => {
    const fake = await startFake({ postStatus: 500 });
    const answer = await send(sse(), ask("initialize", 9), upstream(fake.url));
    expect(answer.status).toBe(502);
    expect(answer.json()).toMatchObject({ id: 9, error: { code: 1085 } });
    await until("the connection is closed", () => fake.closed === 1);
  });

  it("opens no session for a caller that hung up before it was answered", async () => {
    const fake = await startFake();
    const abort = new AbortController();
    const hungUp = post(sse(), ask("initialize"), upstream(fake.url, { signal: abort.signal }));
    await until("initialize arrives", () => fake.posted.length === 1);
    abort.abort();
    await expect(hungUp).rejects.toThrow("aborted");
    await until("the connection is closed", () => fake.closed === 1);
  });

  it("ends the session, and what runs in it, when the server closes the stream", async () => {
    const fake = await startFake();
    const session = await open(fake);
    const call = send(sse(), ask("tools/call", 5, { name: "x" }), upstream(fake.url, { session }));
    await until("the call arrives", () => fake.posted.length === 2);
    fake.streams[0]!.end();
    const { status, json } = await call;
    expect(status).toBe(502);
    expect(json()).toMatchObject({ id: 5, error: { code: 1082 } });
    const after = await send(sse(), ask("ping"), upstream(fake.url, { session }));
    expect(after.status).toBe(404);
  });

  it("closes the connection at DELETE, and after ten minutes without use", async () => {
    const fake = await startFake();
    const session = await open(fake);
    await open(fake);
    await send(sse(), undefined, upstream(fake.url, { session, method: "DELETE" }));
    await until("one connection is closed", () => fake.closed === 1);
    bridge.setNow(1_000_000 + 600_001);
    bridge.sweep();
    await until("both connections are closed", () => fake.closed === 2);
  });

  it("binds a session to its URL and its organisation", async () => {
    const [one, other] = [await startFake(), await startFake()];
    const session = await open(one);
    const message = ask("ping");
    expect((await send(sse(), message, upstream(other.url, { session }))).status).toBe(404);
    const stranger = upstream(one.url, { session, org: "org-2" });
    expect((await send(sse(), message, stranger)).status).toBe(404);
  });

  it("keeps what belongs to no request for the session's stream", async () => {
    const fake = await startFake();
    const session = await open(fake);
    const call = send(sse(), ask("x", 2), upstream(fake.url, { session }));
    await until("the call arrives", () => fake.posted.length === 2);
    const changed = { method: "notifications/tools/list_changed" };
    say(fake.streams[0]!, changed);
    say(fake.streams[0]!, { id: 2, result: {} });
    expect((await call).json()).toEqual({ jsonrpc: "2.0", id: 2, result: {} });
    const stream = await post(sse(), undefined, upstream(fake.url, { session, method: "GET" }));
    const messages = messagesOf(stream);
    expect(JSON.parse((await messages.next()).value as string)).toEqual({
      jsonrpc: "2.0",
      ...changed,
    });
  });

  it("says -32600 to messages of the modern era", async () => {
    const fake = await startFake();
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const answer = await send(sse(), ask("server/discover", 1, { _meta }), upstream(fake.url));
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ error: { code: -32600 } });
    expect(fake.opened).toEqual([]);
  });

  it("probes with HEAD and at /sse/probe", async () => {
    const fake = await startFake();
    const page = await serve((_request, response) => {
      response.end("<html>");
    });
    // Answers nothing at all: the probe has a deadline of its own.
    const silent = await serve(() => undefined);
    const probe = async (path: string, method: string, url: string): Promise<number> =>
      (await send(`${bridge.url}${path}`, undefined, upstream(url, { method }))).status;
    expect(await probe("/sse", "HEAD", fake.url)).toBe(204);
    expect(await probe("/sse/probe", "GET", fake.url)).toBe(204);
    await until("its connections are closed", () => fake.closed === 2);
    expect(await probe("/sse", "HEAD", `${page}/sse`)).toBe(404);
    expect(await probe("/sse/probe", "GET", `${silent}/sse`)).toBe(404);
  });

  it.each(["127.0.0.1", "localhost"])(
    "connects to no private address where those are denied: %s",
    async (host) => {
      const guarded = await startBridge([], createAddressGuard(true));
      closers.push(() => guarded.stop());
      let connections = 0;
      const fake = await startFake({ postStatus: 500, onConnection: () => connections++ });
      const to = upstream(fake.url.replace("127.0.0.1", host));
      const answer = await send(`${guarded.url}/sse`, ask("initialize", 7), to);
      expect(answer.status).toBe(502);
      expect(answer.session).toBe("");
      expect(answer.json()).toMatchObject({ id: 7, error: { code: UNREACHABLE } });
      const probe = await send(`${guarded.url}/sse`, undefined, { ...to, method: "HEAD" });
      expect(probe.status).toBe(404);
      expect(connections).toBe(0);
    },
  );

  it("asks for a URL of HTTP, and for the gateway's secret", async () => {
    const file = await send(sse(), ask("initialize"), upstream("file:///etc/passwd"));
    expect(file.status).toBe(400);
    const fake = await startFake();
    const stranger = await send(sse(), ask("initialize"), upstream(fake.url, { secret: "no" }));
    expect(stranger.status).toBe(403);
    expect(fake.opened).toEqual([]);
  });
});
