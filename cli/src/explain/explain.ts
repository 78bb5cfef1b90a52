import { setTimeout as delay } from "node:timers/promises";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  PriceService,
  type PriceRule,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import {
  TraceService,
  type Call,
  type StageRecord,
} from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import type { Clients } from "../client/target.ts";
import { dateAndTime, durationText, usd } from "../client/units.ts";
import { priceText, targetText } from "../prices/price-flags.ts";
import { whatToDo } from "./advice.ts";

/** A record is in the store within two seconds of the call's answer; a fresh one is waited for so long. */
const FRESH_MS = 3_000;
const RETRY_MS = 200;

/** The record of a call. */
export async function fetchCall(clients: Clients, requestId: string): Promise<Call> {
  const traces = clients(TraceService);
  const deadline = performance.now() + FRESH_MS;
  for (;;) {
    try {
      const { call } = await traces.getCall({ requestId });
      if (call !== undefined) return call;
    } catch (error) {
      const missing = error instanceof ConnectError && error.code === Code.NotFound;
      if (!missing || performance.now() > deadline) throw error;
    }
    await delay(RETRY_MS);
  }
}

/** The rule that priced a call, be it that it has ended; undefined where the asker may not read rules. */
export async function fetchPriceRule(clients: Clients, id: string): Promise<PriceRule | undefined> {
  const prices = clients(PriceService);
  try {
    for (let cursor = ""; ;) {
      const page = await prices.listPriceRules({ limit: 200, cursor, includeEnded: true });
      const rule = page.items.find((item) => item.id === id);
      if (rule !== undefined || !page.hasMore) return rule;
      cursor = page.cursor;
    }
  } catch (error) {
    // The rule's id is shown all the same.
    if (error instanceof ConnectError) return undefined;
    throw error;
  }
}

/** What happened to a call, stage by stage, for people. */
export function tellCall(call: Call, rule: PriceRule | undefined): string {
  const began = call.startTime === undefined ? "" : dateAndTime(timestampDate(call.startTime));
  const what = [call.mcpServer, call.toolName].filter((part) => part !== "").join("/");
  const facts: [string, string][] = [
    ["call", `${call.method} ${what}`.trim()],
    ["outcome", outcomeText(call)],
    ...(call.reason === ""
      ? []
      : ([
          ["reason", call.reason],
          ["next step", whatToDo(call.reason)],
        ] as [string, string][])),
    ["began", `${began}, took ${durationText(call.durationUs)}`],
    ["cost", costText(call, rule)],
    ["key", call.apiKeyName === "" ? call.apiKeyId : `${call.apiKeyName} (${call.apiKeyId})`],
    ["face", call.face],
    ["bytes", `${String(call.requestSize)} in, ${String(call.responseSize)} out`],
    ["attempts", String(call.attempts)],
    ["trace", call.traceId],
  ];
  const stages = call.stages.map((stage) => stageText(stage));
  return [
    call.requestId,
    ...facts.map(([name, text]) => `  ${name.padEnd(10)} ${text}`),
    "",
    "Stages",
    ...(stages.length === 0 ? ["  (none was recorded)"] : stages),
  ].join("\n");
}

function stageText({ stage, outcome, durationUs, rule, ruleId, reason }: StageRecord): string {
  const why = [reason, rule === "" ? "" : `by ${RULES[rule] ?? rule} ${ruleId}`]
    .filter((part) => part !== "")
    .join(" ");
  const time = durationText(durationUs).padStart(9);
  return `  ${MARKS[outcome] ?? "?"} ${stage.padEnd(14)} ${outcome.replaceAll("_", " ").padEnd(15)} ${time}  ${why}`.trimEnd();
}

const RULES: Readonly<Record<string, string>> = {
  price_rule: "price rule",
  key: "the limit of key",
  team: "the limit of team",
  org: "the limit of organisation",
};

const MARKS: Readonly<Record<string, string>> = {
  passed: "✓",
  refused: "✗",
  failed: "✗",
  degraded: "!",
  not_configured: "·",
  observed: "!",
};

function outcomeText(call: Call): string {
  const answer = [
    call.httpStatus === 0 ? "" : `HTTP ${String(call.httpStatus)}`,
    call.rpcCode === 0 ? "" : `JSON-RPC ${String(call.rpcCode)}`,
  ].filter((part) => part !== "");
  const known = answer.length === 0 ? call.outcome : `${call.outcome} (${answer.join(", ")})`;
  return call.outcome === "unknown"
    ? `${known}: begun, never answered; the tool may have run`
    : known;
}

function costText(call: Call, rule: PriceRule | undefined): string {
  if (call.priceRuleId === "") return `${usd(call.costUsdMicros)} (no price rule matched)`;
  const name = rule === undefined ? "rule" : `rule ${targetText(rule)}`;
  const price = rule === undefined ? "" : ` (${priceText(rule)})`;
  return `${usd(call.costUsdMicros)} by ${name} ${call.priceRuleId}${price}`;
}
