import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import { gaugeIn } from "./exposition.ts";
import { eventDataOf } from "./sse-events.ts";
import {
  answerResult,
  SERVER,
  startBench,
  toolCall,
  type Bench,
  type BenchOptions,
  type UpstreamHandler,
} from "./worker-bench.ts";

const IN_FLIGHT = "gateway_active_connections";

let engine: OwnRedis;
let bench: Bench | undefined;

beforeAll(async () => {
  engine = await startOwnRedis();
}, 120_000);

afterAll(() => engine.stop());

afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

async function start(options: Omit<BenchOptions, "redisUrl"> = {}): Promise<Bench> {
  bench = await startBench({ redisUrl: engine.url, ...options });
  return bench;
}

/** Sends bytes on a bare connection and reads until it ends. */
function sendBytes(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    socket.on("close", () => {
      resolve(text);
    });
    socket.on("error", reject);
    socket.end(bytes);
  });
}

/** What a process would die of: nothing catches what is thrown in a request's handler. */
async function thrownBy(work: () => Promise<unknown>): Promise<unknown[]> {
  const thrown: unknown[] = [];
  const server = bench!.http;
  const [listener] = server.listeners("request") as ((...args: unknown[]) => void)[];
  server.removeAllListeners("request");
  server.on("request", (request, response) => {
    try {
      listener!.call(server, request, response);
    } catch (error) {
      thrown.push((error as NodeJS.ErrnoException).code);
      response.destroy();
    }
  });
  await work();
  return thrown;
}

/** A server that answers calls in a stream, which it leaves open. @param begun told of the stream, and the answer's event */
function streamOfCalls(begun: (response: ServerResponse, answer: string) => void): UpstreamHandler {
  return (message, response, request) => {
    if (message.method !== "tools/call") {
      answerResult(message, response, request);
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    begun(response, `data: ${JSON.stringify({ jsonrpc: "2.0", id: message.id, result: {} })}\n\n`);
  };
}

describe("a relayed call", () => {
  it("is answered in the server's own bytes", async () => {
    const answer = '{"jsonrpc" : "2.0", "id":1,"result":{"content":[],"big":12345678901234567890}}';
    const { post } = await start({
      upstream: (_, response) =>
        response.writeHead(200, { "content-type": "application/json" }).end(answer),
    });
    const response = await post(toolCall());
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(answer);
  });

  it("reaches the server in the agent's own bytes", async () => {
    const { post, received } = await start();
    const body =
      '{ "jsonrpc":"2.0","id":12345678901234567890 ,"method":"tools/call","params":{"name":"echo","arguments":{"b":1.0,"a":1e2}}}';
    await (await post(body)).text();
    expect(received.at(-1)?.body).toBe(body);
  });

  it("never gives the agent's key, cookies or our own secrets to the server", async () => {
    const { post, received, key } = await start();
    await (
      await post(toolCall(), { headers: { cookie: "gwo_session=x", "x-gwo-internal": "y" } })
    ).text();
    expect(JSON.stringify(received)).not.toContain(key);
    expect(received.at(-1)?.headers).not.toHaveProperty("cookie");
    expect(received.at(-1)?.headers).not.toHaveProperty("authorization");
    expect(received.at(-1)?.headers).not.toHaveProperty("x-gwo-internal");
  });

  it("ends for the agent when the server breaks off after its answer", async () => {
    const { post } = await start({
      upstream: (message, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(
          `data: ${JSON.stringify({ jsonrpc: "2.0", id: message.id, result: {} })}\n\n`,
        );
        // The stream stays open long enough for the answer to be recorded, then the connection breaks.
        setTimeout(() => response.destroy(), 200);
      },
    });
    const response = await post(toolCall());
    expect(await response.text()).toContain('"result":{}');
  }, 15_000);

  it("is in flight no longer than its answer, though the server leaves its stream open", async () => {
    const { post, metrics } = await start({
      upstream: streamOfCalls((response, answer) => response.write(answer)),
    });
    const response = await post(toolCall());
    await until("nothing is in flight", async () => gaugeIn(await metrics(), IN_FLIGHT) === 0);
    expect(eventDataOf(await response.text())).toEqual([
      JSON.stringify({ jsonrpc: "2.0", id: 1, result: {} }),
    ]);
  }, 30_000);

  it("is in flight no longer than its answer when its agent is gone", async () => {
    let answer = (): void => undefined;
    const { post, http, metrics, records } = await start({
      upstream: streamOfCalls((response, event) => {
        answer = () => {
          response.write(event);
          response.write(": the stream stays open\n\n");
        };
      }),
    });
    let isGone = false;
    http.on("request", (_, response) => response.on("close", () => (isGone = true)));
    const response = await post(toolCall());
    await response.body?.cancel();
    await until("the gateway sees it", () => isGone);
    expect(gaugeIn(await metrics(), IN_FLIGHT)).toBe(1);
    answer();
    await until("nothing is in flight", async () => gaugeIn(await metrics(), IN_FLIGHT) === 0);
    await until("it is recorded", () => records().length === 1);
    expect(records()[0]).toMatchObject({ outcome: Outcome.OK });
  }, 30_000);

  it("is charged for a result only: an HTTP error that holds some other JSON is none", async () => {
    const { post, records } = await start({
      priceUsdMicros: 5_000n,
      upstream: (_, response) =>
        response.writeHead(500, { "content-type": "application/json" }).end('{"message":"boom"}'),
    });
    await (await post(toolCall())).text();
    await until("it is recorded", () => records().length === 1);
    expect(records()[0]).toMatchObject({ outcome: Outcome.UPSTREAM_ERROR, costUsdMicros: 0n });
  });

  it("is charged for a result only: JSON that is no JSON-RPC answer is none", async () => {
    const { post, records } = await start({
      priceUsdMicros: 5_000n,
      upstream: (_, response) =>
        response.writeHead(200, { "content-type": "application/json" }).end('{"ok":true}'),
    });
    const response = await post(toolCall());
    await response.text();
    await until("it is recorded", () => records().length === 1);
    expect(records()[0]).toMatchObject({ outcome: Outcome.UPSTREAM_ERROR, costUsdMicros: 0n });
    expect(response.status).toBe(502);
  });

  it("is charged with the price of its rule when it is answered", async () => {
    const { post, records } = await start({ priceUsdMicros: 5_000n });
    await (await post(toolCall())).text();
    await until("it is recorded", () => records().length === 1);
    expect(records()[0]).toMatchObject({ outcome: Outcome.OK, costUsdMicros: 5_000n, attempts: 1 });
  });

  it("does not run when it comes without an id", async () => {
    const { post, received } = await start({ scopes: { rateRps: 1, rateBurst: 1 } });
    for (let i = 0; i < 5; i++)
      await (await post({ jsonrpc: "2.0", method: "tools/call", params: { name: "echo" } })).text();
    expect(received.filter(({ body }) => body.includes("tools/call"))).toEqual([]);
  });

  it("repeats the id of a request whose params are wrong, so that the client knows which failed", async () => {
    const { post } = await start();
    const response = await post({ jsonrpc: "2.0", id: "a7", method: "tools/call", params: {} });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ id: "a7", error: { code: -32_602 } });
  });

  it("is refused in the modern era when its headers name another tool than its body", async () => {
    // MCP 2026-07-28 streamable-http: who parses the body must check the mirrored headers against it.
    const { post, received } = await start();
    const response = await post(
      {
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: {
          name: "echo",
          _meta: {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
          },
        },
      },
      {
        headers: {
          "mcp-protocol-version": "2026-07-28",
          "mcp-method": "tools/call",
          "mcp-name": "delete_everything",
        },
      },
    );
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: -32_020 } });
    expect(received).toEqual([]);
  });
});

describe("a stream whose agent is gone before it is opened", () => {
  it("is not held", async () => {
    const stop = new AbortController();
    const gone = Promise.withResolvers<undefined>();
    const { url, key, http, metrics } = await start({
      servers: async (name) => {
        if (name !== "late") return undefined;
        stop.abort();
        await gone.promise;
        return { url: bench!.upstreamUrl, timeoutMs: 10_000 };
      },
    });
    http.on("request", (_, response) =>
      response.on("close", () => {
        gone.resolve(undefined);
      }),
    );
    const headers = { authorization: `Bearer ${key}`, accept: "text/event-stream" };
    const opened = fetch(`${url}/v1/mcp/late`, { headers, signal: stop.signal });
    await expect(opened).rejects.toThrow("aborted");
    await until("it has ended", async () =>
      (await metrics()).includes('gateway_requests_total{server="late"'),
    );
    expect(gaugeIn(await metrics(), "gateway_open_streams")).toBe(0);
    expect(gaugeIn(await metrics(), IN_FLIGHT)).toBe(0);
  });
});

describe("a session id that nobody was given", () => {
  it("does not use up the probes of a server that recovers", async () => {
    let isBroken = true;
    const { post } = await start({
      yaml: "mcp_servers:\n  max_retries: 0\n  circuit_breaker: { threshold: 2, timeout: 300ms }\n",
      upstream: (message, response) => {
        if (isBroken) response.destroy();
        else
          response
            .writeHead(200, { "content-type": "application/json" })
            .end(JSON.stringify({ jsonrpc: "2.0", id: message.id, result: {} }));
      },
    });
    const status = async (headers: Record<string, string> = {}): Promise<number> => {
      const response = await post(toolCall(), { headers });
      await response.text();
      return response.status;
    };
    expect(await status()).toBe(502);
    expect(await status()).toBe(502);
    expect(await status()).toBe(503);
    isBroken = false;
    // More junk than there are probes goes ahead of every honest call.
    await until("a call is let through", async () => {
      for (let i = 0; i < 5; i++) await status({ "mcp-session-id": "junk".repeat(10) });
      return (await status()) === 200;
    });
  });
});

describe("the gateway's HTTP server", () => {
  it.each([
    ["a zero byte", "/%00"],
    ["a name longer than a file name may be", `/${"a".repeat(300)}`],
    ["a path longer than a path may be", `/${"a/".repeat(3_000)}`],
    ["a broken percent escape", "/%"],
    ["dots", "/../../etc/passwd"],
  ])("survives a path with %s", async (_, path) => {
    const { url } = await start({ env: { GWO_CONSOLE_DIR: "/usr/share" } });
    const thrown = await thrownBy(() =>
      sendBytes(url, `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`),
    );
    expect(thrown).toEqual([]);
  });

  it("answers what is nowhere in the specification's error shape", async () => {
    const { url } = await start();
    const response = await fetch(`${url}/v1/nothing`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: "not_found" } });
    expect(response.headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
  });

  it("answers health and readiness", async () => {
    const { url } = await start();
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "ok" });
    expect((await fetch(`${url}/ready`)).status).toBe(200);
  });
});

describe("the REST façade", () => {
  it("sends one _meta to a modern server, the agent's own members in it", async () => {
    const { post, received } = await start({
      upstream: (message, response) => {
        const isModern = JSON.stringify(message.params ?? {}).includes('protocolVersion":"2026');
        response.writeHead(isModern ? 200 : 400, { "content-type": "application/json" });
        response.end(
          JSON.stringify(
            isModern
              ? {
                  jsonrpc: "2.0",
                  id: message.id,
                  result: { resultType: "complete", supportedVersions: ["2026-07-28"] },
                }
              : { jsonrpc: "2.0", id: message.id, error: { code: -32_022, message: "too old" } },
          ),
        );
      },
    });
    const response = await post(
      { tool: "echo", arguments: {}, _meta: { progressToken: 7 } },
      { path: `/v1/mcp/${SERVER}/tools/call` },
    );
    expect(response.status).toBe(200);
    const sent = received.map(({ body }) => body).find((body) => body.includes("tools/call"))!;
    expect(sent.match(/"_meta"/g)).toHaveLength(1);
    expect(JSON.parse(sent)).toMatchObject({
      params: {
        _meta: { progressToken: 7, "io.modelcontextprotocol/protocolVersion": "2026-07-28" },
      },
    });
  });

  it("counts an HTTP 500 of the server as its failure", async () => {
    const { post } = await start({
      yaml: "mcp_servers:\n  max_retries: 0\n  circuit_breaker: { threshold: 2, timeout: 60s }\n",
      upstream: (message, response) => {
        response.writeHead(500, { "content-type": "application/json" });
        response.end(
          JSON.stringify({
            jsonrpc: "2.0",
            id: message.id,
            error: { code: -32_603, message: "x" },
          }),
        );
      },
    });
    const call = async (): Promise<number> => {
      const response = await post({ tool: "echo" }, { path: `/v1/mcp/${SERVER}/tools/call` });
      await response.text();
      return response.status;
    };
    await call();
    await call();
    expect(await call()).toBe(503);
  });
});
