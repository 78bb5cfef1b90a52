import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import {
  answerResult,
  SERVER,
  startBench,
  toolCall,
  type Bench,
  type BenchOptions,
} from "./worker-bench.ts";

// What a value in config.yaml changes is observed at a real worker. The ports themselves, which the cluster's workers
// share, are the end-to-end tests' business.

let engine: OwnRedis;
let bench: Bench | undefined;

beforeAll(async () => {
  engine = await startOwnRedis();
}, 120_000);

afterAll(() => engine.stop());

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await bench?.close();
  bench = undefined;
});

const sockets: Socket[] = [];

async function start(yaml: string, options: Partial<BenchOptions> = {}): Promise<Bench> {
  bench = await startBench({ redisUrl: engine.url, yaml, ...options });
  return bench;
}

/** A bare connection, what it got, and how long it lived. */
function openSocket(url: string): {
  write: (text: string) => void;
  pause: () => void;
  text: () => string;
  closed: Promise<number>;
} {
  const { hostname, port } = new URL(url);
  const begun = performance.now();
  const socket = connect(Number(port), hostname);
  // One that is paused does not hear that its connection was cut, and would keep the process alive.
  sockets.push(socket);
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.on("error", () => undefined);
  return {
    write: (bytes) => socket.write(bytes),
    pause: () => socket.pause(),
    text: () => text,
    closed: new Promise((resolve) => {
      socket.on("close", () => {
        resolve(performance.now() - begun);
      });
    }),
  };
}

async function statusesOf(one: Bench, calls: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < calls; i++) {
    const response = await one.post(toolCall(i));
    await response.text();
    statuses.push(response.status);
  }
  return statuses;
}

describe("server.read_timeout", () => {
  it("ends a request that does not arrive whole in time, with 408", async () => {
    const { url, key } = await start("server: { read_timeout: 300ms }");
    const socket = openSocket(url);
    socket.write(
      `POST /v1/mcp/${SERVER} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\n` +
        "content-type: application/json\r\ncontent-length: 100\r\n\r\n{",
    );
    const lifeMs = await socket.closed;
    expect(socket.text()).toMatch(/^HTTP\/1\.1 408/);
    expect(lifeMs).toBeGreaterThanOrEqual(250);
    expect(lifeMs).toBeLessThan(5_000);
  });

  it("ends headers that do not arrive whole in time, with 408", async () => {
    const { url } = await start("server: { read_timeout: 300ms }");
    const socket = openSocket(url);
    socket.write("POST /v1/mcp/echo HTTP/1.1\r\nhost: localhost\r\n");
    expect(await socket.closed).toBeLessThan(5_000);
    expect(socket.text()).toMatch(/^HTTP\/1\.1 408/);
  });
});

describe("server.idle_timeout", () => {
  it("ends a kept-alive connection that is idle", async () => {
    const { url } = await start("server: { idle_timeout: 200ms }");
    const socket = openSocket(url);
    socket.write("GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
    expect(await socket.closed).toBeLessThan(6_000);
    expect(socket.text()).toContain("200 OK");
  });
});

describe("server.write_timeout", () => {
  const LARGE = Buffer.alloc(24 * 1024 * 1024, 0x61).toString("latin1");
  const request = (key: string, path: string, body: string): string =>
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\n` +
    `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const yaml = "server: { write_timeout: 300ms }";

  it("cuts off an agent that stops reading a long MCP answer", async () => {
    const { url, key, received } = await start(yaml, {
      upstream: (message, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ jsonrpc: "2.0", id: message.id, result: { text: LARGE } }));
      },
    });
    const socket = openSocket(url);
    socket.pause();
    socket.write(request(key, `/v1/mcp/${SERVER}`, JSON.stringify(toolCall())));
    await until("the server was called", () => received.length > 0);
    await until("the connection is cut", async () => {
      const open = await new Promise<number>((resolve) => {
        bench!.http.getConnections((_, count) => {
          resolve(count);
        });
      });
      return open === 0;
    });
  });

  it("cuts off an agent that stops reading a long answer of the REST façade", async () => {
    const { url, key, received } = await start(yaml, {
      upstream: (message, response, incoming) => {
        if (message.method !== "tools/call") {
          answerResult(message, response, incoming);
          return;
        }
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ jsonrpc: "2.0", id: message.id, result: { text: LARGE } }));
      },
    });
    const socket = openSocket(url);
    socket.pause();
    socket.write(request(key, `/v1/mcp/${SERVER}/tools/call`, '{"tool":"echo"}'));
    await until("the tool was called", () =>
      received.some(({ body }) => body.includes("tools/call")),
    );
    await until(
      "the connection is cut",
      async () => {
        const open = await new Promise<number>((resolve) => {
          bench!.http.getConnections((_, count) => {
            resolve(count);
          });
        });
        return open === 0;
      },
      6_000,
    );
  });
});

describe("server.max_request_size", () => {
  it("refuses a larger body with 413, announced or not", async () => {
    const { post, url, key, received } = await start("server: { max_request_size: 2KB }");
    const fits = JSON.stringify(toolCall(1, { x: "a".repeat(1_800) }));
    expect((await post(fits)).status).toBe(200);
    const large = JSON.stringify(toolCall(1, { x: "a".repeat(2_100) }));
    const announced = await post(large);
    expect(announced.status).toBe(413);
    expect(await announced.json()).toMatchObject({ error: { data: { reason: "BODY_TOO_LARGE" } } });
    const streamed = await fetch(`${url}/v1/mcp/${SERVER}`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: new Blob([large]).stream(),
      duplex: "half",
    });
    expect(streamed.status).toBe(413);
    expect(received.filter(({ body }) => body.includes("tools/call"))).toHaveLength(1);
  });
});

describe("auth", () => {
  it("takes the key from the configured header and prefix, and from no other", async () => {
    const { post, key } = await start("auth: { api_key_header: X-API-Key, api_key_prefix: gwo_ }");
    const plain = await post(toolCall());
    expect(plain.status).toBe(401);
    expect(await plain.text()).toContain("X-API-Key: gwo_");
    expect((await post(toolCall(), { headers: { "x-api-key": key } })).status).toBe(200);
  });
});

describe("rate_limiting", () => {
  it("gives keys without limits of their own default_rps and burst_size", async () => {
    const one = await start("rate_limiting: { default_rps: 1, burst_size: 3 }");
    const statuses = await statusesOf(one, 5);
    expect(statuses.slice(0, 3)).toEqual([200, 200, 200]);
    expect(statuses.slice(3)).toContain(429);
    const refused = await one.post(toolCall());
    if (refused.status === 429) {
      expect(refused.headers.get("x-ratelimit-limit")).toBe("1");
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    }
  });

  it("does not limit when it is off", async () => {
    const one = await start("rate_limiting: { enabled: false, default_rps: 1, burst_size: 1 }");
    expect(await statusesOf(one, 6)).toEqual([200, 200, 200, 200, 200, 200]);
  });
});

describe("mcp_servers", () => {
  it("default_timeout: a server that is silent for longer is given up, with 504", async () => {
    const { post } = await start("mcp_servers: { default_timeout: 400ms }", {
      upstream: () => undefined,
    });
    const begun = performance.now();
    const response = await post(toolCall());
    expect(response.status).toBe(504);
    expect(await response.text()).toContain("UPSTREAM_TIMEOUT");
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it("max_retries: a read that breaks off is sent again so often, a tool call never", async () => {
    const { post, received } = await start(
      "mcp_servers: { max_retries: 2, circuit_breaker: { threshold: 100 } }",
      { upstream: (_, response) => response.destroy() },
    );
    await (await post({ jsonrpc: "2.0", id: 1, method: "tools/list" })).text();
    expect(received).toHaveLength(3);
    received.length = 0;
    await (await post(toolCall())).text();
    expect(received.filter(({ body }) => body.includes("tools/call"))).toHaveLength(1);
  });

  it("max_retries 0: nothing is sent again", async () => {
    const { post, received } = await start("mcp_servers: { max_retries: 0 }", {
      upstream: (_, response) => response.destroy(),
    });
    await (await post({ jsonrpc: "2.0", id: 1, method: "tools/list" })).text();
    expect(received).toHaveLength(1);
  });

  it("circuit_breaker: a server is left alone after so many failures, for so long", async () => {
    let isBroken = true;
    const one = await start(
      "mcp_servers: { max_retries: 0, circuit_breaker: { threshold: 3, timeout: 500ms } }",
      {
        upstream: (message, response, request) => {
          if (isBroken) response.destroy();
          else answerResult(message, response, request);
        },
      },
    );
    expect(await statusesOf(one, 5)).toEqual([502, 502, 502, 503, 503]);
    isBroken = false;
    await until("probes are let through", async () => (await statusesOf(one, 1))[0] === 200, 5_000);
    expect(await statusesOf(one, 5)).toEqual([200, 200, 200, 200, 200]);
  });
});

describe("tracing", () => {
  const sampledOf = async (yaml: string): Promise<boolean[]> => {
    const one = await start(yaml);
    await statusesOf(one, 4);
    await until("all are recorded", () => one.records().length === 4);
    return one.records().map(({ sampled }) => sampled);
  };

  it("sample_rate 1 wants child spans of every call", async () => {
    expect(await sampledOf("tracing: { sample_rate: 1.0 }")).toEqual([true, true, true, true]);
  });

  it("sample_rate 0 and enabled: false want none, and every call is recorded all the same", async () => {
    expect(await sampledOf("tracing: { sample_rate: 0 }")).toEqual([false, false, false, false]);
    await bench!.close();
    bench = undefined;
    expect(await sampledOf("tracing: { enabled: false }")).toEqual([false, false, false, false]);
  });
});
