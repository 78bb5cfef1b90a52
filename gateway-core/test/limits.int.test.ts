import { connect, type Socket } from "node:net";
import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import { SERVER, startBench, toolCall, type Bench, type UpstreamHandler } from "./worker-bench.ts";

let engine: OwnRedis;
let bench: Bench | undefined;
let agent: Socket | undefined;

beforeAll(async () => {
  engine = await startOwnRedis();
}, 120_000);

afterAll(() => engine.stop());

afterEach(async () => {
  agent?.destroy();
  await bench?.close();
  agent = bench = undefined;
});

async function start(env: Record<string, string>, upstream?: UpstreamHandler): Promise<Bench> {
  const given = upstream === undefined ? {} : { upstream };
  bench = await startBench({ redisUrl: engine.url, env, ...given });
  return bench;
}

async function reached(bound: string): Promise<number> {
  const text = await bench!.metrics();
  const line = new RegExp(`^gateway_bounds_reached_total\\{bound="${bound}"\\} (\\d+)$`, "m");
  return Number(line.exec(text)?.[1] ?? 0);
}

/** What a server of an era answers before anybody calls its tools; false when it was something else. */
function greet(
  era: "legacy" | "modern",
  { id, method }: { id?: unknown; method?: string },
  response: ServerResponse,
): boolean {
  const answer = (rest: object, headers = {}): true => {
    response.writeHead(200, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify({ jsonrpc: "2.0", id, ...rest }));
    return true;
  };
  if (method?.startsWith("notifications/") === true) {
    response.writeHead(202).end();
    return true;
  }
  if (method === "server/discover")
    return answer(
      era === "modern"
        ? { result: { supportedVersions: ["2026-07-28"], capabilities: {} } }
        : { error: { code: -32_601, message: "unknown" } },
    );
  if (method === "initialize")
    return answer(
      era === "legacy"
        ? { result: { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: {} } }
        : { error: { code: -32_022, message: "too old" } },
    );
  return false;
}

function modernCall(meta: object = {}): [object, { headers: Record<string, string> }] {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    ...meta,
  };
  const params = { name: "echo", _meta };
  return [
    { jsonrpc: "2.0", id: 1, method: "tools/call", params },
    {
      headers: {
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "echo",
      },
    },
  ];
}

describe("a body that is nested too deep", () => {
  it("is refused by both faces, and not sent on", async () => {
    const { post, received } = await start({ GWO_MAX_JSON_DEPTH: "10" });
    // With the message, its params and the arguments that is one level too many.
    const deep = (levels: number): unknown =>
      JSON.parse("[".repeat(levels) + "]".repeat(levels)) as unknown;
    const mcp = await post(toolCall(1, { deep: deep(8) }));
    expect(mcp.status).toBe(400);
    expect(await mcp.json()).toMatchObject({
      error: { data: { reason: "REQUEST_MALFORMED" }, message: expect.stringContaining("10 deep") },
    });
    const rest = await post(
      { tool: "echo", arguments: { deep: deep(9) } },
      { path: `/v1/mcp/${SERVER}/tools/call` },
    );
    expect(rest.status).toBe(400);
    expect(await rest.json()).toMatchObject({ error: { code: "bad_request" } });
    expect(received).toEqual([]);
    expect(await reached("json_depth")).toBe(2);
    expect((await post(toolCall(1, { deep: deep(7) }))).status).toBe(200);
  });
});

describe("a request with too many headers", () => {
  it("is refused in the shape of where it goes", async () => {
    const { post, url, received } = await start({ GWO_MAX_HEADERS: "30" });
    const many = Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`x-h${i}`, "1"]));
    const mcp = await post(toolCall(), { headers: many });
    expect(mcp.status).toBe(431);
    expect(await mcp.json()).toMatchObject({ error: { data: { reason: "HEADERS_TOO_LARGE" } } });
    const other = await fetch(`${url}/v1/nothing`, { headers: many });
    expect(other.status).toBe(431);
    expect(await other.json()).toMatchObject({ error: { code: "bad_request" } });
    expect(received).toEqual([]);
    expect(await reached("headers")).toBe(2);
  });
});

describe("an answer that is too large", () => {
  const MAX = 200_000;

  it("is cut off when it is an event that does not end, for the agent and for the server", async () => {
    let sent = 0;
    let isClosed = false;
    const { post } = await start({ GWO_MAX_ANSWER_SIZE: String(MAX) }, (_, response) => {
      response.on("close", () => (isClosed = true));
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: ");
      const more = (): void => {
        while (!isClosed) {
          sent += 10_000;
          if (!response.write("x".repeat(10_000))) {
            response.once("drain", more);
            return;
          }
        }
      };
      more();
    });
    const response = await post(toolCall());
    let got = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of response.body!) got += (chunk as Uint8Array).length;
    };
    await expect(read()).rejects.toThrow();
    await until("the server's connection is closed", () => isClosed);
    expect(got).toBeGreaterThan(MAX / 2);
    // One chunk more, of the size that Node reads at once.
    expect(got).toBeLessThan(MAX + 128 * 1024);
    expect(sent).toBeLessThan(20_000_000);
    expect(await reached("answer_size")).toBe(1);
  });

  it("lets a stream of many small events pass that is larger as a whole", async () => {
    const event = `data: ${JSON.stringify({ jsonrpc: "2.0", method: "notifications/message", params: { data: "x".repeat(1_000) } })}\n\n`;
    const { post } = await start({ GWO_MAX_ANSWER_SIZE: String(MAX) }, ({ id }, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let i = 0; i < 400; i++) response.write(event);
      response.end(`data: ${JSON.stringify({ jsonrpc: "2.0", id, result: {} })}\n\n`);
    });
    const text = await (await post(toolCall())).text();
    expect(text.length).toBeGreaterThan(2 * MAX);
    expect(text).toContain('"result":{}');
  });

  it("is a failure when it is read whole", async () => {
    const { post } = await start({ GWO_MAX_ANSWER_SIZE: String(MAX) }, (message, response) => {
      if (greet("modern", message, response)) return;
      response.writeHead(200, { "content-type": "application/json" });
      const result = { content: [], text: "x".repeat(MAX) };
      response.end(JSON.stringify({ jsonrpc: "2.0", id: message.id, result }));
    });
    const path = `/v1/mcp/${SERVER}/resources/read`;
    const response = await post({ uri: "test://a" }, { path });
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "upstream_error" } });
    expect(await reached("answer_size")).toBe(1);
  });
});

describe("what a key holds", () => {
  it("is bounded: open streams", async () => {
    const { url, key } = await start(
      { GWO_MAX_STREAMS_PER_KEY: "2" },
      (message, response, request) => {
        if (request.method !== "GET") {
          greet("legacy", message, response);
          return;
        }
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(":\n\n");
      },
    );
    const open = async (): Promise<{ response: Response; stop: () => void }> => {
      const abort = new AbortController();
      const headers = { authorization: `Bearer ${key}`, accept: "text/event-stream" };
      const { signal } = abort;
      const response = await fetch(`${url}/v1/mcp/${SERVER}`, { headers, signal });
      return {
        response,
        stop: () => {
          abort.abort();
        },
      };
    };
    const first = await open();
    const second = await open();
    expect([first.response.status, second.response.status]).toEqual([200, 200]);
    const third = await open();
    expect(third.response.status).toBe(429);
    expect(third.response.headers.get("retry-after")).toBe("30");
    expect(await third.response.json()).toMatchObject({
      error: { data: { reason: "RATE_LIMITED" } },
    });
    expect(await reached("streams_of_key")).toBe(1);
    first.stop();
    await until("another may be opened", async () => {
      const next = await open();
      next.stop();
      return next.response.status === 200;
    });
    second.stop();
  });

  it("is bounded: sessions with servers", async () => {
    const { post } = await start({ GWO_MAX_SESSIONS_PER_KEY: "2" }, (message, response) => {
      if (greet("legacy", message, response)) return;
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", id: message.id, result: { content: [] } }));
    });
    const callAs = async (name: string): Promise<number> => {
      const clientInfo = { name, version: "1" };
      const response = await post(
        ...modernCall({ "io.modelcontextprotocol/clientInfo": clientInfo }),
      );
      await response.text();
      return response.status;
    };
    // One session serves all calls of one client.
    expect([await callAs("a"), await callAs("b"), await callAs("a")]).toEqual([200, 200, 200]);
    expect(await callAs("c")).toBe(429);
    expect(await reached("sessions_of_key")).toBe(1);
    expect(await callAs("b")).toBe(200);
  });

  it("is bounded: calls that wait for the agent", async () => {
    const { post } = await start({ GWO_MAX_PARKED_CALLS_PER_KEY: "1" }, (message, response) => {
      if (greet("legacy", message, response)) return;
      response.writeHead(200, { "content-type": "text/event-stream" });
      const params = { message: "who?", requestedSchema: { type: "object", properties: {} } };
      const asked = { jsonrpc: "2.0", id: 7, method: "elicitation/create", params };
      response.write(`data: ${JSON.stringify(asked)}\n\n`);
    });
    const call = modernCall({
      "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
    });
    const first = await post(...call);
    expect(await first.json()).toMatchObject({ result: { resultType: "input_required" } });
    const second = await post(...call);
    expect(second.status).toBe(429);
    expect(await second.json()).toMatchObject({ error: { data: { reason: "RATE_LIMITED" } } });
    expect(await reached("parked_calls_of_key")).toBe(1);
  });
});

const STREAM_BYTES = 100 * 1024 * 1024;

/** Writes messages until there are as many bytes as there may be, as fast as they are taken. */
function flood(response: ServerResponse, message: object, onSent: (bytes: number) => void): void {
  const event = `data: ${JSON.stringify(message)}\n\n`;
  let left = STREAM_BYTES;
  const more = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= event.length;
      onSent(event.length);
      if (response.write(event)) continue;
      response.once("drain", more);
      return;
    }
    response.end();
  };
  response.writeHead(200, { "content-type": "text/event-stream" });
  more();
}

describe("an agent that does not read", () => {
  const padding = "x".repeat(8_000);
  const progress = { progressToken: 1, progress: 1, message: padding };
  const CASES = [
    {
      way: "a relayed answer",
      era: "legacy",
      method: "tools/call",
      message: { method: "notifications/message", params: { level: "info", data: padding } },
      request: () => ["POST", `/v1/mcp/${SERVER}`, toolCall(), {}] as const,
    },
    {
      way: "a translated answer",
      era: "modern",
      method: "resources/read",
      message: { method: "notifications/progress", params: progress },
      request: () =>
        [
          "POST",
          `/v1/mcp/${SERVER}/resources/read`,
          { uri: "test://a", _meta: { progressToken: 1 } },
          { accept: "text/event-stream" },
        ] as const,
    },
    {
      way: "a server's own stream, translated",
      era: "modern",
      method: "subscriptions/listen",
      message: { method: "notifications/tools/list_changed", params: { padding } },
      request: async () => {
        const clientInfo = { name: "test", version: "1" };
        const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
        const begun = await bench!.post({ jsonrpc: "2.0", id: 0, method: "initialize", params });
        await begun.text();
        const session = begun.headers.get("mcp-session-id")!;
        return [
          "GET",
          `/v1/mcp/${SERVER}`,
          undefined,
          { "mcp-session-id": session, accept: "text/event-stream" },
        ] as const;
      },
    },
  ] as const;

  it.each(CASES)(
    "is cut off, and costs no memory: $way",
    async ({ era, method, message, request }) => {
      let sent = 0;
      const { url, key } = await start({ GWO_WRITE_TIMEOUT: "400ms" }, (asked, response) => {
        if (greet(era, asked, response)) return;
        if (asked.method !== method) {
          response.writeHead(405).end();
          return;
        }
        flood(response, { jsonrpc: "2.0", ...message }, (bytes) => (sent += bytes));
      });
      const [verb, path, body, headers] = await request();
      const text = body === undefined ? "" : JSON.stringify(body);
      const before = process.memoryUsage().rss;
      agent = connect(Number(new URL(url).port), "127.0.0.1");
      agent.on("error", () => undefined);
      agent.write(
        [
          `${verb} ${path} HTTP/1.1`,
          "host: 127.0.0.1",
          `authorization: Bearer ${key}`,
          ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
          ...(text === ""
            ? []
            : ["content-type: application/json", `content-length: ${Buffer.byteLength(text)}`]),
          "",
          text,
        ].join("\r\n"),
      );
      let most = 0;
      await until("the agent is cut off", async () => {
        most = Math.max(most, process.memoryUsage().rss - before);
        return (await reached("write_timeout")) === 1;
      });
      // What the kernel's buffers of both connections take, not what the server has to say.
      expect(sent).toBeGreaterThan(100_000);
      expect(sent).toBeLessThan(STREAM_BYTES / 2);
      expect(most).toBeLessThan(STREAM_BYTES / 2);
    },
    30_000,
  );
});
