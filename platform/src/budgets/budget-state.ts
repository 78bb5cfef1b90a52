import type { Redis } from "ioredis";

// What is spent of a budget in one period, as Redis keeps it between the gateway's workers, which spend it, and
// svc-cost, which builds it from the ledger. One hash per budget and period; all of an organisation's under one hash tag.
//
//   run        run id of the Redis server that it was built in. Another one has restarted since, and may have lost some
//              of it: it is built again before it counts.
//   base       micro-USD spent by calls whose write-ahead logs are in the ledger for good
//   total      base + all g:* + all e:*
//   g:{log}    micro-USD granted to the worker that writes the log: what it has spent, has reserved, and may still reserve
//   s:{log}    since when that worker keeps count of this budget, microseconds since 1970
//   e:{log}    micro-USD that a log's worker spent before it kept count of this budget, from the ledger
//   r:{log}    "{run id} {micro-USD kept} {since when, microseconds since 1970}": told by workers for the building
//
// Numbers of Lua are doubles: whole micro-USD are exact up to 2^53, nine billion USD.

/** Names one period of a budget. */
export type BudgetPeriodKey = {
  readonly orgId: string;
  readonly budgetId: string;
  /** Beginning of the period, milliseconds since 1970. */
  readonly startMs: number;
};

/** The Redis key of a budget's period. */
export function budgetStateKey({ orgId, budgetId, startMs }: BudgetPeriodKey): string {
  return `gwo:{budgets:${orgId}}:${budgetId}:${startMs / 1000}`;
}

/** What a worker says when it asks. */
export type GrantRequest = {
  /** Id of the worker's write-ahead log, 32 hexadecimal digits. */
  readonly logId: string;
  /** Micro-USD of the period that it keeps in any case: what it has spent and reserved, and what it may still reserve. */
  readonly keep: bigint;
  /** Since when it has kept count: the beginning of the earliest call that it counts, microseconds since 1970. */
  readonly sinceUs: number;
  /** Micro-USD that it must have on top. 0: it only says what it keeps. */
  readonly need: bigint;
  /** Micro-USD that it would like to have on top. */
  readonly want: bigint;
  /** The budget's amount. */
  readonly limit: bigint;
  /** Milliseconds after which the state may be forgotten. */
  readonly keepMs: number;
};

export type GrantAnswer = {
  /** False: the state must be built first, and the worker has been noted as one that waits for that. */
  readonly isBuilt: boolean;
  /** Micro-USD granted in the period, what is kept included. */
  readonly granted: bigint;
  /** Micro-USD that nobody has been granted. Below 0 when the budget is overspent. */
  readonly left: bigint;
  /** True: so little is left that each call is decided here. */
  readonly isNear: boolean;
};

const FUNCTIONS = `
local function runId()
  return string.match(redis.call("INFO", "server"), "run_id:(%w+)")
end
local function amount(text) return tonumber(text or "0") or 0 end
local function text(number) return string.format("%.0f", number) end
`;

/** A grant is at most this part of what is left, so that workers leave each other something. */
const SHARE = 8;

// A worker says what it keeps and is told what it has. Both are absolute, so that asking again changes nothing.
const GRANT = `
${FUNCTIONS}
local run = runId()
local log, keep, need, want, limit = ARGV[1], amount(ARGV[2]), amount(ARGV[4]), amount(ARGV[5]), amount(ARGV[6])
if redis.call("HGET", KEYS[1], "run") ~= run then
  redis.call("HSET", KEYS[1], "r:" .. log, run .. " " .. text(keep) .. " " .. ARGV[3])
  redis.call("PEXPIRE", KEYS[1], ARGV[7])
  return { 0, "0", "0", 1 }
end
local others = amount(redis.call("HGET", KEYS[1], "total")) - amount(redis.call("HGET", KEYS[1], "g:" .. log))
local left = limit - others - keep
local granted = keep
local near = 1
if need > 0 and left >= need then
  local share = math.floor(left / ${SHARE})
  if share >= ${SHARE} * need then
    granted = keep + math.max(need, math.min(want, share))
    near = 0
  else
    granted = keep + need
  end
elseif need == 0 and left > 0 then
  near = 0
end
redis.call("HSET", KEYS[1], "g:" .. log, text(granted), "total", text(others + granted))
local since = redis.call("HGET", KEYS[1], "s:" .. log)
if not since or tonumber(ARGV[3]) < tonumber(since) then redis.call("HSET", KEYS[1], "s:" .. log, ARGV[3]) end
return { 1, text(granted), text(limit - others - granted), near }
`;

/** Asks for a grant. Safe to repeat. */
export async function askGrant(
  redis: Redis,
  key: BudgetPeriodKey,
  request: GrantRequest,
): Promise<GrantAnswer> {
  const [isBuilt, granted, left, isNear] = (await redis.eval(
    GRANT,
    1,
    budgetStateKey(key),
    request.logId,
    String(request.keep),
    String(request.sinceUs),
    String(request.need),
    String(request.want),
    String(request.limit),
    String(request.keepMs),
  )) as [number, string, string, number];
  return {
    isBuilt: isBuilt === 1,
    granted: BigInt(granted),
    left: BigInt(left),
    isNear: isNear === 1,
  };
}

/** A budget's period as svc-cost finds it. */
export type BudgetState = {
  /** Run id of the Redis server. */
  readonly runId: string;
  readonly isBuilt: boolean;
  /**
   * Logs whose workers keep count, and since when, microseconds since 1970: those that something was granted, or, while
   * it is not built, that have reported in this run of the server.
   */
  readonly countedSince: ReadonlyMap<string, number>;
  /** Micro-USD granted or spent; 0 while it is not built. */
  readonly total: bigint;
};

const READ = `
${FUNCTIONS}
return { runId(), redis.call("HGETALL", KEYS[1]) }
`;

export async function readBudgetState(redis: Redis, key: BudgetPeriodKey): Promise<BudgetState> {
  const [runId, flat] = (await redis.eval(READ, 1, budgetStateKey(key))) as [string, string[]];
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < flat.length; at += 2) fields.set(flat[at] ?? "", flat[at + 1] ?? "");
  const isBuilt = fields.get("run") === runId;
  return {
    runId,
    isBuilt,
    countedSince: isBuilt ? holdersIn(fields) : reportsIn(fields, runId),
    total: isBuilt ? BigInt(fields.get("total") ?? "0") : 0n,
  };
}

function holdersIn(fields: ReadonlyMap<string, string>): ReadonlyMap<string, number> {
  return new Map(
    [...fields].flatMap(([name, value]) =>
      name.startsWith("s:") ? [[name.slice(2), Number(value)]] : [],
    ),
  );
}

function reportsIn(
  fields: ReadonlyMap<string, string>,
  runId: string,
): ReadonlyMap<string, number> {
  return new Map(
    [...fields].flatMap(([name, value]) => {
      const [run, , sinceUs] = value.split(" ");
      return name.startsWith("r:") && run === runId ? [[name.slice(2), Number(sinceUs)]] : [];
    }),
  );
}

/** What the ledger knows of a budget's period. */
export type LedgerPart = {
  /** Micro-USD spent by all logs that no worker reported, or holds. */
  readonly base: bigint;
  /** Micro-USD that a log spent before its worker kept count, by log. */
  readonly earlier: ReadonlyMap<string, bigint>;
};

// What was granted in a run of the server before this one is void, but for what its workers have reported since. Reports
// that come after the ledger was asked are of workers that had spent nothing then.
const BUILD = `
${FUNCTIONS}
local run = runId()
if run ~= ARGV[1] then return 0 end
if redis.call("HGET", KEYS[1], "run") == run then return 1 end
local fields = redis.call("HGETALL", KEYS[1])
local total = amount(ARGV[2])
redis.call("DEL", KEYS[1])
for i = 1, #fields, 2 do
  local log = string.match(fields[i], "^r:(.+)$")
  local of, kept, since = string.match(fields[i + 1], "^(%w+) (%d+) (%d+)")
  if log and of == run then
    redis.call("HSET", KEYS[1], "g:" .. log, kept, "s:" .. log, since)
    total = total + amount(kept)
  end
end
for i = 4, #ARGV, 2 do
  redis.call("HSET", KEYS[1], "e:" .. ARGV[i], ARGV[i + 1])
  total = total + amount(ARGV[i + 1])
end
redis.call("HSET", KEYS[1], "run", run, "base", ARGV[2], "total", text(total))
redis.call("PEXPIRE", KEYS[1], ARGV[3])
return 1
`;

/** Builds a period's state from the ledger and the reports. @returns false when Redis has restarted meanwhile */
export async function buildBudgetState(
  redis: Redis,
  key: BudgetPeriodKey,
  { runId, part, keepMs }: { runId: string; part: LedgerPart; keepMs: number },
): Promise<boolean> {
  const built = await redis.eval(
    BUILD,
    1,
    budgetStateKey(key),
    runId,
    String(part.base),
    String(keepMs),
    ...[...part.earlier].flatMap(([logId, spent]) => [logId, String(spent)]),
  );
  return built === 1;
}

// Rows that reach the ledger after it was asked for the building. Sums of the past only grow.
const CORRECT = `
${FUNCTIONS}
if redis.call("HGET", KEYS[1], "run") ~= ARGV[1] or runId() ~= ARGV[1] then return 0 end
local total = amount(redis.call("HGET", KEYS[1], "total"))
local function raise(field, to)
  local from = amount(redis.call("HGET", KEYS[1], field))
  if to <= from then return end
  redis.call("HSET", KEYS[1], field, text(to))
  total = total + to - from
end
raise("base", amount(ARGV[2]))
for i = 3, #ARGV, 2 do
  if redis.call("HEXISTS", KEYS[1], "s:" .. ARGV[i]) == 1 then raise("e:" .. ARGV[i], amount(ARGV[i + 1])) end
end
redis.call("HSET", KEYS[1], "total", text(total))
return 1
`;

/** Raises what the ledger gives to what it gives now. Safe to repeat. */
export async function correctBudgetState(
  redis: Redis,
  key: BudgetPeriodKey,
  { runId, part }: { runId: string; part: LedgerPart },
): Promise<void> {
  await redis.eval(
    CORRECT,
    1,
    budgetStateKey(key),
    runId,
    String(part.base),
    ...[...part.earlier].flatMap(([logId, spent]) => [logId, String(spent)]),
  );
}

const CLOSE = `
${FUNCTIONS}
local log = ARGV[2]
if redis.call("HGET", KEYS[1], "run") ~= ARGV[1] or runId() ~= ARGV[1] then return 0 end
if redis.call("HEXISTS", KEYS[1], "s:" .. log) == 0 then return 0 end
local g, e = redis.call("HGET", KEYS[1], "g:" .. log), redis.call("HGET", KEYS[1], "e:" .. log)
local spent = amount(ARGV[3])
local base = amount(redis.call("HGET", KEYS[1], "base")) + spent
local total = amount(redis.call("HGET", KEYS[1], "total")) - amount(g) - amount(e) + spent
redis.call("HDEL", KEYS[1], "g:" .. log, "e:" .. log, "s:" .. log)
redis.call("HSET", KEYS[1], "base", text(base), "total", text(total))
return 1
`;

/**
 * Puts what the ledger says a log spent in the place of what its worker was granted. Only of a log that is in the ledger
 * for good, and whose worker is gone. Safe to repeat.
 */
export async function closeBudgetLog(
  redis: Redis,
  key: BudgetPeriodKey,
  { runId, logId, spent }: { runId: string; logId: string; spent: bigint },
): Promise<void> {
  await redis.eval(CLOSE, 1, budgetStateKey(key), runId, logId, String(spent));
}
