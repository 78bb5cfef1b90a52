import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { createLogger } from "@gatewayops/platform/log";
import { createPeerServer } from "../http/peer-server.ts";
import { FORWARDED_HEADER, Peers } from "./peers.ts";

const SECRET = "a secret of a test, long enough for it";
const log = createLogger({ service: "test", level: "silent", format: "json", maskSensitive: true });
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The keys of a Redis; `isAway` makes it answer nothing. */
function aRedis() {
  const keys = new Map<string, string>();
  const state = { isAway: false };
  const client = Object.assign(new EventEmitter(), {
    get: (key: string) =>
      state.isAway ? Promise.reject(new Error("away")) : Promise.resolve(keys.get(key) ?? null),
    del: (key: string) => Promise.resolve(Number(keys.delete(key))),
    pipeline: () => {
      const set: [string, string][] = [];
      const pipeline = {
        set(key: string, value: string) {
          set.push([key, value]);
          return pipeline;
        },
        exec() {
          if (state.isAway) return Promise.reject(new Error("away"));
          for (const [key, value] of set) keys.set(key, value);
          return Promise.resolve([]);
        },
      };
      return pipeline;
    },
  });
  return { keys, state, client, redis: client as unknown as Redis };
}

function peersOf({ redis }: { redis: Redis }, worker: string): Peers {
  const peers = new Peers({ redis, log, worker, replicaId: "replica-1", internalSecret: SECRET });
  closers.push(() => peers.close());
  return peers;
}

async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

type Served = { request: IncomingMessage; body: string };

/** A worker that answers what others hand over. */
async function owner(redis: { redis: Redis }): Promise<{ url: string; served: Served[] }> {
  const served: Served[] = [];
  const server = createPeerServer(SECRET, (request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      served.push({ request, body });
      response.writeHead(201, { "content-type": "text/plain", "mcp-session-id": "s" });
      response.end("from the owner");
    });
  });
  const url = await listening(server);
  peersOf(redis, "owner").announce(url);
  return { url, served };
}

/** A worker that hands everything over to "owner", and says what came of it. */
async function handingOver(redis: { redis: Redis }): Promise<string> {
  const peers = peersOf(redis, "other");
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    peers.forward({ request, response, body: Buffer.from("the body") }, { worker: "owner" }).then(
      (isOurs) => {
        if (isOurs) response.end("not found");
      },
      (error: unknown) => {
        response.writeHead(410).end((error as { reason: string }).reason);
      },
    );
  };
  return listening(createServer(serve));
}

describe("Peers", () => {
  it("has the owner answer a request, with the agent's own credentials and all of its answer", async () => {
    const redis = aRedis();
    const { served } = await owner(redis);
    const url = await handingOver(redis);
    const answer = await fetch(`${url}/v1/mcp/echo?x=1`, {
      method: "POST",
      headers: { authorization: "Bearer key", "mcp-session-id": "s" },
      body: "",
    });
    expect(await answer.text()).toBe("from the owner");
    expect(answer.status).toBe(201);
    expect(answer.headers.get("mcp-session-id")).toBe("s");
    expect(served.map(({ request, body }) => [request.method, request.url, body])).toEqual([
      ["POST", "/v1/mcp/echo?x=1", "the body"],
    ]);
    expect(served[0]?.request.headers).toMatchObject({ authorization: "Bearer key" });
  });

  it("finds no worker that never said where it is, or that has closed", async () => {
    const redis = aRedis();
    const peers = peersOf(redis, "owner");
    peers.announce("http://127.0.0.1:1");
    expect(redis.keys.size).toBe(2);
    await peers.close();
    expect(await (await fetch(await handingOver(redis))).text()).toBe("not found");
  });

  it("says where it is as soon as Redis is there, and again when Redis comes back empty", () => {
    const redis = aRedis();
    redis.state.isAway = true;
    peersOf(redis, "owner").announce("http://127.0.0.1:1");
    redis.state.isAway = false;
    redis.client.emit("ready");
    expect([...redis.keys.keys()]).toContain("gwo:{peers}:worker:owner");
    redis.keys.clear();
    redis.client.emit("ready");
    expect([...redis.keys.values()]).toContain("http://127.0.0.1:1");
  });

  it("calls a request lost whose owner is dead: it may have run, so nobody else runs it", async () => {
    const redis = aRedis();
    const { url } = await owner(redis);
    closers.splice(0, 1).forEach((close) => close());
    expect(redis.keys.get("gwo:{peers}:worker:owner")).toBe(url);
    const answer = await fetch(await handingOver(redis));
    expect([answer.status, await answer.text()]).toEqual([410, "CALL_LOST"]);
  });

  it("hands nothing over a second time, so that two workers do not play ball", async () => {
    const redis = aRedis();
    const { served } = await owner(redis);
    const url = await handingOver(redis);
    const answer = await fetch(url, { headers: { [FORWARDED_HEADER]: "1" } });
    expect(await answer.text()).toBe("not found");
    expect(served).toEqual([]);
  });

  it("is found by nobody who does not know the secret", async () => {
    const redis = aRedis();
    const { url, served } = await owner(redis);
    for (const secret of ["", "wrong", `${SECRET}x`]) {
      const headers = { [FORWARDED_HEADER]: "1", "x-gwo-peer-secret": secret };
      expect((await fetch(url, { headers })).status).toBe(404);
    }
    expect(served).toEqual([]);
  });
});
