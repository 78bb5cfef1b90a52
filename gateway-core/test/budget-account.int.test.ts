import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import {
  askGrant,
  buildBudgetState,
  closeBudgetLog,
  readBudgetState,
  type BudgetPeriodKey,
} from "@gatewayops/platform/budgets/budget-state";
import { Redis } from "ioredis";
import { BudgetAccount } from "../src/budgets/budget-account.ts";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";

let engine: OwnRedis;
/** Of the one that builds. */
let redis: Redis;
let key: BudgetPeriodKey;
let workers: Worker[];
/** Micro-USD spent by workers that died, as the ledger has it. */
let ledgered: Map<string, bigint>;
let lastLog = 0;

const END_MS = Date.now() + 3_600_000;

type Worker = { readonly logId: string; readonly redis: Redis; readonly account: BudgetAccount };

beforeAll(async () => {
  engine = await startOwnRedis();
}, 120_000);

afterAll(() => engine.stop());

beforeEach(() => {
  redis = connect();
  key = { orgId: "org", budgetId: `budget-${++lastLog}`, startMs: 0 };
  workers = [];
  ledgered = new Map();
});

afterEach(() => {
  redis.disconnect();
  for (const worker of workers) worker.redis.disconnect();
});

function connect(): Redis {
  const client = new Redis(engine.url, { maxRetriesPerRequest: 0, enableOfflineQueue: false });
  client.on("error", () => undefined);
  return client;
}

function startWorker(limit: bigint): Worker {
  const logId = (++lastLog).toString(16).padStart(32, "0");
  const own = connect();
  const account = new BudgetAccount(
    { redis: own, logId, key, endMs: END_MS, known: () => Promise.resolve(), now: Date.now },
    limit,
  );
  const worker = { logId, redis: own, account };
  workers.push(worker);
  return worker;
}

/** What svc-cost does: builds what is not built, once every living worker has reported. */
async function keep(): Promise<void> {
  try {
    const state = await readBudgetState(redis, key);
    if (state.isBuilt) return;
    const living = workers.filter(({ logId }) => !ledgered.has(logId));
    if (living.some(({ logId }) => !state.countedSince.has(logId))) {
      await Promise.all(living.map(({ account }) => account.report()));
      return;
    }
    const base = [...ledgered.values()].reduce((sum, one) => sum + one, 0n);
    const part = { base, earlier: new Map<string, bigint>() };
    await buildBudgetState(redis, key, { runId: state.runId, part, keepMs: 60_000 });
  } catch {
    // Redis is away: the next round tries again.
  }
}

/** What a worker spends until it is told that the budget is exhausted so many times in a row. */
async function spend(
  { account }: Worker,
  limit: bigint,
  options: { max: () => bigint; isOver: () => boolean; refusals: number },
): Promise<bigint> {
  let spent = 0n;
  for (let refused = 0; refused < options.refusals && !options.isOver();) {
    const amount = options.max();
    const reserving = { limit, amount, startMs: Date.now() };
    const verdict = account.reserveNow(reserving)
      ? "reserved"
      : await account.reserveLater(reserving);
    if (verdict !== "reserved") {
      refused = verdict === "exceeded" ? refused + 1 : 0;
      account.tick();
      await nextTurn();
      continue;
    }
    refused = 0;
    await nextTurn();
    // Most calls cost less than their maximum.
    const cost = (amount * BigInt(1 + Math.floor(Math.random() * 10))) / 10n;
    account.settle(amount, cost);
    spent += cost;
  }
  return spent;
}

describe("a budget that eight workers spend", () => {
  const MAX = 1_301;
  const max = (): bigint => BigInt(7 + Math.floor(Math.random() * (MAX - 6)));

  it.each([["quiet"], ["restarted"], ["wiped"], ["with a worker killed"]])(
    "is spent to within one call's maximum and never beyond, %s",
    async (what) => {
      const limit = 3_000_000n;
      await until("Redis is there", () => redis.status === "ready");
      for (let n = 0; n < 8; n++) startWorker(limit);
      const keeper = setInterval(() => void keep(), 20);
      let killed: Worker | undefined;
      let spentByKilled = 0n;
      const trouble = until("a third is spent", () => consumedByAll() > limit / 3n).then(
        async () => {
          if (what === "restarted") {
            await engine.kill();
            await engine.restart();
          } else if (what === "wiped") {
            await redis.flushall();
          } else if (what === "with a worker killed") {
            killed = workers[0]!;
          }
        },
      );
      const spent = await Promise.all(
        workers.map((worker) =>
          spend(worker, limit, {
            max,
            refusals: 40,
            isOver: () => worker === killed,
          }).then(async (sum) => {
            if (worker !== killed) return sum;
            // What its log held is in the ledger; its grant is replaced by that.
            spentByKilled = sum;
            ledgered.set(worker.logId, sum);
            const { runId } = await readBudgetState(redis, key);
            await closeBudgetLog(redis, key, { runId, logId: worker.logId, spent: sum });
            return sum;
          }),
        ),
      );
      await trouble;
      clearInterval(keeper);
      const total = spent.reduce((sum, one) => sum + one, 0n);
      expect(total).toBeLessThanOrEqual(limit);
      expect(total).toBeGreaterThanOrEqual(limit - BigInt(MAX));
      if (what === "with a worker killed") expect(spentByKilled).toBeGreaterThan(0n);
    },
    60_000,
  );

  function consumedByAll(): bigint {
    return workers.reduce((sum, { account }) => sum + account.consumed, 0n);
  }
});

describe("what a worker counts itself", () => {
  it("is told from the beginning of the earliest call on, be it before the worker knew of the budget", async () => {
    await until("Redis is there", () => redis.status === "ready");
    const began = Date.now() - 5_000;
    const { account, logId, redis: own } = startWorker(1_000n);
    await until("the worker is connected", () => own.status === "ready");
    const reserved = account.reserveLater({ limit: 1_000n, amount: 10n, startMs: began });
    await until("it has reported", async () => {
      const { countedSince } = await readBudgetState(redis, key);
      return countedSince.get(logId) === began * 1000;
    });
    await keep();
    expect(await reserved).toBe("reserved");
    const earlier = began - 1;
    await account.reserveLater({ limit: 1_000n, amount: 500n, startMs: earlier });
    expect((await readBudgetState(redis, key)).countedSince.get(logId)).toBe(earlier * 1000);
  });
});

describe("a grant", () => {
  const request = {
    ...{ logId: "a", keep: 0n, sinceUs: 5, need: 10n, want: 80n, limit: 1_000n, keepMs: 60_000 },
  };

  beforeEach(async () => {
    await until("Redis is there", () => redis.status === "ready");
  });

  const build = async (base: bigint, earlier: [string, bigint][] = []): Promise<void> => {
    const { runId } = await readBudgetState(redis, key);
    const part = { base, earlier: new Map(earlier) };
    expect(await buildBudgetState(redis, key, { runId, part, keepMs: 60_000 })).toBe(true);
  };

  it("waits for the building, and leaves a report", async () => {
    expect(await askGrant(redis, key, { ...request, keep: 30n })).toMatchObject({ isBuilt: false });
    expect((await readBudgetState(redis, key)).countedSince).toEqual(new Map([["a", 5]]));
    // 100 by others before, 20 by this one before it kept count, 30 that it keeps.
    await build(100n, [["a", 20n]]);
    expect(await readBudgetState(redis, key)).toMatchObject({ isBuilt: true, total: 150n });
  });

  it("is as much as is wanted while there is plenty, and an eighth of what is left at most", async () => {
    await build(0n);
    // An eighth of 1000 is 125.
    expect(await askGrant(redis, key, request)).toEqual({
      ...{ isBuilt: true, granted: 80n, left: 920n, isNear: false },
    });
    expect(await askGrant(redis, key, { ...request, logId: "b", want: 500n })).toMatchObject({
      granted: 115n, // an eighth of 920
    });
  });

  it("is exactly what is needed where little is left, and nothing when it does not fit", async () => {
    await build(900n);
    expect(await askGrant(redis, key, { ...request, need: 60n })).toEqual({
      ...{ isBuilt: true, granted: 60n, left: 40n, isNear: true },
    });
    expect(await askGrant(redis, key, { ...request, logId: "b", need: 60n })).toEqual({
      ...{ isBuilt: true, granted: 0n, left: 40n, isNear: true },
    });
    // Of 60 only 15 were spent: what is given back is there for others.
    await askGrant(redis, key, { ...request, keep: 15n, need: 0n });
    expect(await askGrant(redis, key, { ...request, logId: "b", need: 60n })).toMatchObject({
      granted: 60n,
    });
  });

  it("is the same when it is asked for again", async () => {
    await build(0n);
    const first = await askGrant(redis, key, request);
    expect(await askGrant(redis, key, request)).toEqual(first);
    expect((await readBudgetState(redis, key)).total).toBe(80n);
  });

  it("of a dead worker is replaced by what it spent, once", async () => {
    await build(0n);
    await askGrant(redis, key, request);
    const { runId } = await readBudgetState(redis, key);
    for (let n = 0; n < 2; n++) await closeBudgetLog(redis, key, { runId, logId: "a", spent: 33n });
    const state = await readBudgetState(redis, key);
    expect(state.total).toBe(33n);
    expect(state.countedSince.size).toBe(0);
  });
});
