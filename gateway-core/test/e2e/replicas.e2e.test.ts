import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { audit, isComplete, type Audit } from "../chaos/audit.ts";
import type { LoopbackServer } from "../conformance/fixtures/loopback.ts";
import { startLegacyServer } from "../conformance/fixtures/legacy-server.ts";
import { startModernServer } from "../conformance/fixtures/modern-server.ts";
import { makeKey, makeServer, signIn } from "./control-plane.ts";
import {
  createLegacyAgent,
  createModernAgent,
  type Agent,
  type AgentOptions,
} from "./replicas/agents.ts";
import { startBalancer, type Balancer } from "./replicas/balancer.ts";
import { createCountingTools, type CountingTools } from "./replicas/counting-tools.ts";
import { startGateway, type GatewayProcess } from "./replicas/gateway-process.ts";
import { Journal, type OfferedCall } from "./replicas/journal.ts";
import { readStack, waitFor } from "./stack.ts";

const AGENTS = 200;
const CALLS = 20;
/** Calls of an agent without a session: their rounds are what may be lost. */
const MODERN_CALLS = 4;
/** Calls under way at a time. */
const LANES = 24;
/** Part of the calls that have ended when a gateway is killed. */
const KILL_AT = 0.4;
const BOOKS_MS = 60_000;

const stack = readStack();
const fixtures: LoopbackServer[] = [];
const gateways: GatewayProcess[] = [];
const legacy = createCountingTools();
const modern = createCountingTools();
const journal = new Journal();
let balancer: Balancer;
let server: string;
/** From the kill until the process was gone: a dying process still takes connections. */
const dying = { from: 0, until: 0 };

beforeAll(async () => {
  const admin = await signIn(stack);
  const { secret: key } = await makeKey(admin);
  fixtures.push(await startLegacyServer(legacy.options), await startModernServer(modern.options));
  const [legacyName = "", modernName = ""] = await Promise.all(
    fixtures.map(({ url }) => makeServer(admin, { url })),
  );
  server = legacyName;
  gateways.push(await startGateway(stack), await startGateway(stack));
  balancer = await startBalancer(gateways.map(({ port }) => port));

  const agentsOf = (
    count: number,
    make: (options: AgentOptions) => Agent,
    name: string,
    { waiting }: CountingTools,
  ): Agent[] =>
    Array.from({ length: count }, (_, number) =>
      make({ balancer, key, journal, waiting, number, path: `/v1/mcp/${name}` }),
    );
  const sessions = [
    ...agentsOf(AGENTS, createLegacyAgent, legacyName, legacy),
    ...agentsOf(AGENTS, createLegacyAgent, modernName, modern),
  ];
  const rounds = agentsOf(AGENTS, createModernAgent, legacyName, legacy);
  await inLanes(sessions.map((agent) => () => agent.begin()));
  await makeCalls(sessions, rounds);
}, 600_000);

afterAll(async () => {
  await (balancer as Balancer | undefined)?.close();
  for (const gateway of gateways) await gateway.stop();
  for (const fixture of fixtures) await fixture.close();
}, 60_000);

/** Makes all calls, those of one agent spread over the whole time, and restarts a gateway in the middle. */
async function makeCalls(sessions: readonly Agent[], rounds: readonly Agent[]): Promise<void> {
  const queue: (() => Promise<void>)[] = [];
  for (let n = 0; n < CALLS; n++) {
    for (const agent of sessions) queue.push(() => agent.call(n));
    if (n % (CALLS / MODERN_CALLS) === 0)
      for (const agent of rounds) queue.push(() => agent.call(n));
  }
  const total = queue.length;
  let ended = 0;
  let restarting: Promise<void> | undefined;
  await inLanes(
    queue.map((make) => async () => {
      await make();
      if (++ended >= total * KILL_AT) restarting ??= restart();
    }),
  );
  await restarting;
}

async function restart(): Promise<void> {
  dying.from = performance.now();
  await gateways[0]?.kill();
  dying.until = performance.now();
  await gateways[0]?.start();
}

/** Does all of it, some at a time. */
async function inLanes(queue: readonly (() => Promise<void>)[]): Promise<void> {
  const left = [...queue].reverse();
  const lane = async (): Promise<void> => {
    for (let make = left.pop(); make; make = left.pop()) await make();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** What a connection that breaks off looks like, and what the gateway says of a call that is gone. */
const LOST =
  /^(CALL_LOST|broken off|aborted|socket hang up|read ECONNRESET|write E(CONNRESET|PIPE))$/;

const wasInFlight = ({ beganAt, endedAt }: OfferedCall): boolean =>
  beganAt < dying.until && endedAt > dying.from;

describe("two gateways behind a balancer without stickiness, one of which is killed and started again", () => {
  it("make every call that was not in flight when one was killed", () => {
    expect(journal.calls).toHaveLength(2 * AGENTS * CALLS + AGENTS * MODERN_CALLS);
    const failed = journal.calls.filter((call) => call.problem !== "" && !wasInFlight(call));
    expect(failed).toEqual([]);
  });

  it("end calls that were in flight on the killed one in the documented error", () => {
    const lost = journal.calls.filter((call) => call.problem !== "" && wasInFlight(call));
    expect(lost.filter(({ problem }) => !LOST.test(problem))).toEqual([]);
    // Else the kill came when nothing was under way, and this shows nothing.
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.length).toBeLessThanOrEqual(2 * LANES);
  });

  it("run every call at most once, and each that was answered exactly once", () => {
    const runs = new Map([...legacy.runs, ...modern.runs]);
    expect(legacy.runs.size + modern.runs.size).toBe(runs.size);
    expect([...runs].filter(([, times]) => times > 1)).toEqual([]);
    const answered = journal.calls.filter(
      (call) => call.problem === "" && call.kind !== "cancelled",
    );
    expect(answered.filter(({ id }) => runs.get(id) !== 1)).toEqual([]);
  });

  it("bring every cancellation to the server", () => {
    // Whatever the agents saw of them: they end well only when the server has heard.
    const cancelled = journal.calls.filter(
      (call) => call.kind === "cancelled" && !wasInFlight(call),
    );
    const heard = new Set([...legacy.waiting.cancelled, ...modern.waiting.cancelled]);
    expect(cancelled.length).toBeGreaterThan(AGENTS);
    expect(cancelled.filter(({ id }) => !heard.has(id))).toEqual([]);
  });

  it("record each answered request exactly once, in ledger and trace", async () => {
    let books: Audit | undefined;
    await waitFor("the books are complete", BOOKS_MS, async () => {
      books = await audit({
        clickhouseUrl: stack.clickhouseUrl,
        orgId: stack.orgId,
        server,
        offered: journal.requests,
        priceOf: () => 0n,
      });
      return isComplete(books) ? true : undefined;
    });
    expect(books).toMatchObject({ missing: 0, duplicate: 0, unknownButAnswered: 0 });
    expect(books?.answered).toBeGreaterThan(AGENTS * CALLS);
  }, 90_000);
});
