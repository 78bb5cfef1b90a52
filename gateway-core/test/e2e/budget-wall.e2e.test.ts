import { setTimeout as delay } from "node:timers/promises";
import { createClient, type ClickHouseClient } from "@clickhouse/client";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startOwnStack, type OwnStack } from "../chaos/stack.ts";
import { startCountingUpstream, type CountingUpstream } from "../chaos/upstream.ts";
import { makeKey, makeServer, makeTeam, setPrice, signIn } from "./control-plane.ts";
import { startGateway, type GatewayProcess } from "./replicas/gateway-process.ts";
import { bearer, send, waitFor, type Stack } from "./stack.ts";

const GATEWAYS = 2;
const WORKERS = 4;
const KEYS = 20;
const LANES = 32;
/** Micro-USD of a call, by tool. */
const PRICES = { cheap: 7n, dear: 1_301n } as const;
const MAXIMUM = PRICES.dear;
/** Micro-USD of the budgets. The team's is reached first, then the organisation's. */
const ORG_LIMIT = 3_000_000n;
const TEAM_LIMIT = 1_000_000n;
const KEY_LIMIT = 50_000n;
/**
 * Milliseconds without an answered call that count as the end: what killed workers had reserved is there again when
 * their logs are in the ledger.
 */
const END_MS = 20_000;
/** Milliseconds before a lane goes on that was refused. */
const REFUSED_PAUSE_MS = 50;
const BOOKS_MS = 60_000;

type Tool = keyof typeof PRICES;
type Caller = { readonly id: string; readonly secret: string; readonly teamId: string };

let own: OwnStack;
let stack: Stack;
let upstream: CountingUpstream;
let clickhouse: ClickHouseClient;
const gateways: GatewayProcess[] = [];
const callers: Caller[] = [];
let teamId: string;
let server: string;
/** Micro-USD of answered calls, by the client's own sum. */
let spent = 0n;
/** Answered calls after each trouble. */
const answeredAfter = new Map<string, number>();
const refusals: string[] = [];

beforeAll(async () => {
  own = await startOwnStack("budget-wall");
  stack = own.read() as Stack;
  upstream = await startCountingUpstream(3);
  clickhouse = createClient({ url: stack.clickhouseUrl });
  const admin = await signIn(stack);
  server = await makeServer(admin, { url: upstream.url });
  for (const tool of Object.keys(PRICES) as Tool[])
    await setPrice(admin, { server, tool, usd: `0.${String(PRICES[tool]).padStart(6, "0")}` });
  ({ id: teamId } = await makeTeam(admin));
  for (let n = 0; n < KEYS; n++) {
    const ofTeam = n % 2 === 0 ? teamId : "";
    callers.push({ ...(await makeKey(admin, { teamId: ofTeam })), teamId: ofTeam });
  }
  const budget = (name: string, scope: object, limit: bigint): Promise<unknown> =>
    admin.ask("POST", "/v1/budgets", {
      ...{ name, period: "monthly", enforce_limit: true },
      amount: Number(limit) / 1e6,
      ...scope,
    });
  await budget("everything", { scope_type: "org" }, ORG_LIMIT);
  await budget("team", { scope_type: "team", scope_id: teamId }, TEAM_LIMIT);
  await budget("one key", { scope_type: "key", scope_id: callers[1]!.id }, KEY_LIMIT);
  for (let n = 0; n < GATEWAYS; n++)
    gateways.push(await startGateway(stack, { GWO_GATEWAY_WORKERS: String(WORKERS) }));
  await spendAll();
}, 300_000);

afterAll(async () => {
  for (const gateway of gateways) await gateway.stop();
  await clickhouse.close();
  await own.stop();
  await upstream.close();
}, 120_000);

/** Troubles in the middle, each when so many micro-USD are spent. */
const TROUBLES = [
  { at: ORG_LIMIT / 6n, name: "redis", do: () => kill("redis") },
  { at: ORG_LIMIT / 3n, name: "svc-cost", do: () => kill("svc-cost") },
  {
    at: ORG_LIMIT / 2n,
    name: "gateway",
    do: async () => {
      await gateways[0]?.kill();
      await gateways[0]?.start();
    },
  },
  { at: (ORG_LIMIT * 2n) / 3n, name: "redis again", do: () => kill("redis") },
];

async function kill(name: string): Promise<void> {
  const victim = own.read().processes.find((process) => process.name === name);
  process.kill(victim?.pid ?? 0, "SIGKILL");
  return Promise.resolve();
}

/** Calls until nothing more may be spent. */
async function spendAll(): Promise<void> {
  const left = [...TROUBLES];
  const troubles: Promise<void>[] = [];
  let last = "the beginning";
  let answeredAt = performance.now();
  let number = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - answeredAt < END_MS) {
      const caller = callers[number % KEYS]!;
      const tool: Tool = number % 3 === 0 ? "cheap" : "dear";
      const gateway = gateways[number % GATEWAYS]!;
      const outcome = await call(gateway, caller, tool, String(++number));
      if (outcome === "answered") {
        answeredAt = performance.now();
        spent += PRICES[tool];
        answeredAfter.set(last, (answeredAfter.get(last) ?? 0) + 1);
        const next = left[0];
        if (next && spent >= next.at) {
          left.shift();
          last = next.name;
          troubles.push(next.do());
        }
      } else await delay(REFUSED_PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  await Promise.all(troubles);
}

async function call(
  gateway: GatewayProcess,
  caller: Caller,
  tool: Tool,
  number: string,
): Promise<"answered" | "exceeded" | "failed"> {
  try {
    const answer = await send(`${gateway.url}/v1/mcp/${server}/tools/call`, {
      headers: bearer(caller.secret),
      body: { tool, arguments: { number } },
    });
    if (answer.status === 200) return "answered";
    if (answer.status !== 403) return "failed";
    refusals.push(answer.text);
    return "exceeded";
  } catch {
    return "failed"; // a connection that broke with its process
  }
}

/** Micro-USD by the ledger, of all calls or of some. */
async function ledgerSum(condition: string): Promise<bigint> {
  const result = await clickhouse.query({
    query: `SELECT toString(sum(toInt64(cost * 1000000))) AS micros FROM cost_events FINAL
            WHERE org_id = {org:String} ${condition}`,
    query_params: { org: stack.orgId },
    format: "JSONEachRow",
  });
  const [row] = await result.json<{ micros: string }>();
  return BigInt(row?.micros ?? "0");
}

describe(`a budget before ${GATEWAYS} gateways of ${WORKERS} workers, with Redis, svc-cost and a gateway killed`, () => {
  it("is in the ledger to the micro-USD that was answered", async () => {
    await waitFor("the ledger has all answered calls", BOOKS_MS, async () =>
      (await ledgerSum("")) >= spent ? true : undefined,
    );
    // Calls that were cut off after they ended on the server may be charged without an answer.
    expect(await ledgerSum("")).toBeLessThanOrEqual(ORG_LIMIT);
  }, 90_000);

  it("is spent to within one call's maximum, and never beyond", async () => {
    const sums = {
      org: await ledgerSum(""),
      team: await ledgerSum(`AND team_id = '${teamId}'`),
      key: await ledgerSum(`AND key_id = '${callers[1]!.id}'`),
    };
    console.log(
      `budget wall: of ${ORG_LIMIT} micro-USD ${sums.org} spent, of the team's ${TEAM_LIMIT} ${sums.team}, ` +
        `of the key's ${KEY_LIMIT} ${sums.key}; the dearest call costs ${MAXIMUM}`,
    );
    expect(sums.org).toBeLessThanOrEqual(ORG_LIMIT);
    expect(sums.team).toBeLessThanOrEqual(TEAM_LIMIT);
    expect(sums.key).toBeLessThanOrEqual(KEY_LIMIT);
    expect(sums.org).toBeGreaterThanOrEqual(ORG_LIMIT - MAXIMUM);
    expect(sums.team).toBeGreaterThanOrEqual(TEAM_LIMIT - MAXIMUM);
    expect(sums.key).toBeGreaterThanOrEqual(KEY_LIMIT - MAXIMUM);
  });

  it("lets calls pass after each trouble, until it is spent", () => {
    for (const { name } of TROUBLES)
      expect([name, answeredAfter.get(name) ?? 0]).not.toEqual([name, 0]);
  });

  it("says in each refusal which budget, how much is left and until when", () => {
    const names = new Set<string>();
    for (const text of refusals) {
      const [, name] =
        /The monthly budget \\"([a-z ]+)\\" of [0-9.]+ USD has [0-9.]+ USD left until \d{4}-\d\d-01T/.exec(
          text,
        ) ?? [];
      names.add(name ?? text);
    }
    expect(names).toEqual(new Set(["everything", "team", "one key"]));
  });
});
