import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import { gaugeIn } from "./exposition.ts";
import { CUT, goThrough, type Agent, type Seen } from "./faults/agents.ts";
import { FAULT_NAMES, FAULTS, type Fault, type FaultName } from "./faults/faults.ts";
import {
  startFaultyUpstream,
  STAGES,
  type Era,
  type FaultyUpstream,
  type Stage,
} from "./faults/faulty-upstream.ts";
import { startBench, type Bench } from "./worker-bench.ts";

/** Milliseconds that servers may be silent: those that are, and those that only must not be so for ever. */
const SILENT_MS = 500;
const BUSY_MS = 20_000;
const RANDOM_FAULTS = 10_000;
const AT_ONCE = 64;
/** Part of the cases that end by time-out: they are as many as the others, and each takes its time. */
const SILENT_PART = 0.02;
/** Growth of the heap that ten thousand leaked exchanges would exceed: a kilobyte for each. */
const HEAP_GROWTH_MAX = 10 * 1024 * 1024;

type Case = {
  readonly agent: Agent;
  readonly era: Era;
  readonly stage: Stage;
  readonly fault: FaultName;
};

/** The stages that an agent and a server of an era go through together. */
const STAGES_OF: Readonly<Record<Agent, Readonly<Record<Era, readonly Stage[]>>>> = {
  legacy: {
    legacy: ["probe", "initialize", "initialized", "list", "call", "end"],
    modern: ["probe", "list", "call"],
  },
  modern: {
    legacy: ["probe", "initialize", "initialized", "list", "call", "answer", "stream"],
    modern: ["probe", "list", "call", "listen"],
  },
  REST: {
    legacy: ["probe", "initialize", "initialized", "list", "call"],
    modern: ["probe", "list", "call"],
  },
};

const CASES: readonly Case[] = (Object.keys(STAGES_OF) as Agent[]).flatMap((agent) =>
  (["legacy", "modern"] as const).flatMap((era) =>
    STAGES_OF[agent][era].flatMap((stage) =>
      FAULT_NAMES.filter((fault) => isPossible(stage, fault)).map((fault) => ({
        ...{ agent, era, stage, fault },
      })),
    ),
  ),
);

function isPossible(stage: Stage, name: FaultName): boolean {
  const { isOfSession }: Fault = FAULTS[name];
  // A subscription may be silent for as long as it likes.
  if (stage === "listen" && name === "leaves a stream half open") return false;
  return isOfSession !== true || stage === "list" || stage === "call";
}

/** What docs/errors.md promises. */
function promised({ agent, era, stage, fault }: Case): Seen {
  const { verdict, isTransport, cutsStream }: Fault = FAULTS[fault];
  switch (stage) {
    // Nobody waits for the server's own stream, or for the end of a session.
    case "stream":
    case "end":
      return "ok";
    // The server has not taken the answer, and so never goes on with the call.
    case "answer":
      return isTransport === true ? verdict : "UPSTREAM_TIMEOUT";
    case "initialized":
      if (agent !== "legacy") return isTransport === true ? verdict : "ok";
      // Relayed to the agent that sent it, which must hear that it was refused.
      if (cutsStream === true) return CUT;
      return isTransport === true || verdict === "UPSTREAM_HTTP_ERROR" ? verdict : "ok";
    // Read whole before any of it is passed on.
    case "list":
      return verdict;
    case "call":
    case "listen":
      return agent === era && cutsStream === true ? CUT : verdict;
    default:
      return verdict;
  }
}

const nameOf = ({ era, stage, fault }: Case): string =>
  `${era}-${stage}-${FAULT_NAMES.indexOf(fault)}`;

/** True when a case ends by time-out: whatever is slow there is answered alike, so its server's may be short. */
const isSilent = (one: Case): boolean => promised(one) === "UPSTREAM_TIMEOUT";
const SILENT_SERVERS: ReadonlySet<string> = new Set(CASES.filter(isSilent).map(nameOf));

let engine: OwnRedis;
let upstream: FaultyUpstream;
let bench: Bench;
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => {
  unhandled.push(reason);
};

beforeAll(async () => {
  process.on("unhandledRejection", onUnhandled);
  engine = await startOwnRedis();
  upstream = await startFaultyUpstream();
  bench = await startBench({
    redisUrl: engine.url,
    env: { GWO_MAX_RETRIES: "1", GWO_BREAKER_THRESHOLD: "10000", GWO_RATE_LIMIT_ENABLED: "false" },
    servers: (name) => {
      const [era, stage, fault] = name.split("-");
      const known = FAULT_NAMES[Number(fault)];
      if (known === undefined) return undefined;
      return {
        url: upstream.url(era as Era, stage as Stage, known),
        timeoutMs: SILENT_SERVERS.has(name) ? SILENT_MS : BUSY_MS,
      };
    },
  });
}, 120_000);

afterAll(async () => {
  await bench.close();
  await upstream.close();
  await engine.stop();
  process.off("unhandledRejection", onUnhandled);
});

describe.each(FAULT_NAMES)("a server that %s", (fault) => {
  it("is answered as documented, at every stage, to every agent", async () => {
    const cases = CASES.filter((one) => one.fault === fault);
    const seen = await Promise.all(
      cases.map((one) => goThrough(bench, one.agent, nameOf(one), one.stage)),
    );
    const told = (what: readonly Seen[]): string[] =>
      cases.map(
        ({ agent, era, stage }, index) =>
          `${agent} agent, ${era} server, ${STAGES[stage]}: ${what[index] ?? ""}`,
      );
    expect(told(seen)).toEqual(told(cases.map(promised)));
  });
});

describe("ten thousand faults at random", () => {
  it("leave no connection, no call, no memory and no rejection behind", async () => {
    const seed = Number(process.env["GWO_TEST_SEED"] ?? Date.now() % 2 ** 31);
    const next = randomFrom(seed);
    const gc = exposedGc();
    const [silent, busy] = [CASES.filter(isSilent), CASES.filter((one) => !isSilent(one))];
    const cases = Array.from({ length: RANDOM_FAULTS }, () => {
      const some = next() < SILENT_PART ? silent : busy;
      return some[Math.floor(next() * some.length)]!;
    });
    const wrong: string[] = [];
    const run = async (some: readonly Case[]): Promise<void> => {
      const queue = [...some];
      const work = async (): Promise<void> => {
        for (let one = queue.pop(); one; one = queue.pop()) {
          const seen = await goThrough(bench, one.agent, nameOf(one), one.stage);
          const wanted = promised(one);
          if (seen !== wanted) wrong.push(`${JSON.stringify(one)}: ${seen}, not ${wanted}`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    };
    await run(cases.slice(0, RANDOM_FAULTS / 4));
    gc();
    const before = process.memoryUsage().heapUsed;
    await run(cases.slice(RANDOM_FAULTS / 4));
    expect({ seed, wrong: wrong.slice(0, 5), count: wrong.length }).toEqual({
      seed,
      wrong: [],
      count: 0,
    });

    const gauge = async (name: string): Promise<number> => gaugeIn(await bench.metrics(), name);
    await until("all calls have ended", async () => (await gauge("gateway_wal_open_calls")) === 0);
    await until(
      "nothing is in flight",
      async () => (await gauge("gateway_active_connections")) === 0,
    );
    expect(await gauge("gateway_running_calls")).toBe(0);
    expect(await gauge("gateway_parked_calls")).toBe(0);
    expect(await gauge("gateway_asked_agents")).toBe(0);
    expect(await gauge("gateway_remembered_sessions")).toBe(0);
    const sessions = await gauge("gateway_server_sessions");
    expect(sessions).toBeLessThanOrEqual(5_000);
    // Sessions held for one call at a time keep the server's own stream open; all other connections end when idle.
    await until("connections are closed", () => upstream.connections <= sessions, 20_000);
    await until("the heap is as it was", () => {
      gc();
      return process.memoryUsage().heapUsed - before < HEAP_GROWTH_MAX;
    });
    expect(unhandled).toEqual([]);
  }, 120_000);
});

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function exposedGc(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
