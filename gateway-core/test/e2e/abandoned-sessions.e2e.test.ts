import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { makeKey, makeServer, signIn } from "./control-plane.ts";
import { startModernServer } from "./modern-server.ts";
import { startGateway, type GatewayProcess } from "./replicas/gateway-process.ts";
import { startSessionServer, type SessionServer } from "./replicas/session-server.ts";
import { readStack, waitFor } from "./stack.ts";

const SESSIONS = 10_000;
/**
 * Begun and ended before anything is measured, again until that adds nothing: what a busy gateway holds whoever its
 * agents are.
 */
const WARM_UP = 8_000;
const WARM_UPS_MAX = 8;
const SETTLED_BYTES = 1024 * 1024;
const AT_ONCE = 32;
const GROWTH_MAX_BYTES = 20 * 1024 * 1024;
/** Long enough that all sessions are open at the same time, however busy the machine. */
const TTL = "60s";
const ENDED_MS = 120_000;
/** Measurements in a row without a lower one after which memory counts as settled. */
const SETTLED = 8;

const stack = readStack();
let gateway: GatewayProcess;
let legacy: SessionServer;
let modern: Awaited<ReturnType<typeof startModernServer>>;
let key: string;
let names: { legacy: string; modern: string };
let redis: Redis;
const agent = new Agent({ connections: AT_ONCE });

beforeAll(async () => {
  const admin = await signIn(stack);
  key = (await makeKey(admin)).secret;
  legacy = await startSessionServer();
  modern = await startModernServer();
  names = {
    legacy: await makeServer(admin, { url: legacy.url }),
    modern: await makeServer(admin, { url: modern.url }),
  };
  gateway = await startGateway(stack, {
    GWO_SESSION_TTL: TTL,
    NODE_OPTIONS: `--expose-gc --import ${join(import.meta.dirname, "replicas/collect-on-signal.mjs")}`,
  });
  redis = new Redis(stack.redisUrl);
  let held = 0;
  for (let round = 0; round < WARM_UPS_MAX; round++) {
    for (const server of [names.legacy, names.modern]) {
      const ids = await begin(server, WARM_UP);
      await inTurns(ids, (id) => send(server, "DELETE", { "mcp-session-id": id }));
    }
    const now = await settledMemory();
    if (now - held < SETTLED_BYTES) break;
    held = now;
  }
}, 400_000);

afterAll(async () => {
  await gateway.stop();
  await agent.close();
  await legacy.close();
  modern.server.closeAllConnections();
  modern.server.close();
  redis.disconnect();
}, 60_000);

async function send(
  server: string,
  method: "POST" | "DELETE",
  headers: Record<string, string>,
  body?: object,
): Promise<string> {
  const answer = await request(`${gateway.url}/v1/mcp/${server}`, {
    method,
    dispatcher: agent,
    headers: {
      ...headers,
      authorization: `Bearer ${key}`,
      accept: "application/json, text/event-stream",
      ...(body && { "content-type": "application/json" }),
    },
    body: body ? JSON.stringify(body) : null,
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${String(answer.statusCode)} ${text}`);
  return String(answer.headers["mcp-session-id"] ?? "");
}

/** Does something for each, some at a time. */
async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...items];
  const lane = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

/** Begins sessions as agents do. @returns their ids */
async function begin(server: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  await inTurns(
    Array.from({ length: count }, (_, at) => at),
    async (at) => {
      const id = await send(
        server,
        "POST",
        {},
        {
          ...{ jsonrpc: "2.0", id: 1, method: "initialize" },
          params: {
            protocolVersion: "2025-11-25",
            capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {} },
            clientInfo: { name: `agent ${String(at)}`, version: "1.0.0" },
          },
        },
      );
      ids.push(id);
      await send(
        server,
        "POST",
        { "mcp-session-id": id },
        { jsonrpc: "2.0", method: "notifications/initialized" },
      );
    },
  );
  return ids;
}

/** Bytes that the gateway holds when nothing is left to collect. */
async function settledMemory(): Promise<number> {
  let least = Infinity;
  for (let since = 0; since < SETTLED; since++) {
    gateway.collectGarbage();
    await delay(250); // what was collected goes back to the system in the background
    const now = gateway.memoryBytes();
    if (now < least - 256 * 1024) since = 0;
    least = Math.min(least, now);
  }
  return least;
}

/** Sessions of a server in the store. */
async function kept(server: string): Promise<number> {
  let count = 0;
  for (let shard = 0; shard < 16; shard++) {
    const prefix = `gwo:{mcp-sessions-${String(shard)}}:state:`;
    for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 })) {
      const found = keys as string[];
      const states = found.length > 0 ? await redis.mget(found) : [];
      count += states.filter((state) => state?.includes(`"server":"${server}"`)).length;
    }
  }
  return count;
}

describe("10,000 abandoned sessions", () => {
  it.each([
    ["relayed to a server of the legacy era", "legacy"],
    ["translated for a server of the modern era", "modern"],
  ] as const)(
    "%s hold little memory, and end by time",
    async (_name, era) => {
      const [begunBefore, endedBefore] = [legacy.begun(), legacy.ended()];
      const before = await settledMemory();
      await begin(names[era], SESSIONS);
      const after = await settledMemory();
      expect(await kept(names[era])).toBe(SESSIONS);
      const megabytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
      process.stderr.write(
        `${era}: ${megabytes(before)} MB before, ${megabytes(after)} MB with ${String(SESSIONS)} sessions\n`,
      );
      expect(after - before).toBeLessThan(GROWTH_MAX_BYTES);

      await waitFor(
        "all have ended",
        ENDED_MS,
        async () => ((await kept(names[era])) === 0 ? true : undefined),
        1_000,
      );
      if (era === "modern") return;
      expect(legacy.begun() - begunBefore).toBe(SESSIONS);
      await waitFor("the server has heard of all", ENDED_MS, () =>
        legacy.ended() - endedBefore === SESSIONS ? true : undefined,
      );
      expect(legacy.endedInVain()).toBe(0);
    },
    400_000,
  );
});
