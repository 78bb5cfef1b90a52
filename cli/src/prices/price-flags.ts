import { timestampFromDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import type { PriceRule } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import type { Command } from "commander";
import { usd, usdMicrosFrom } from "../client/units.ts";
import { Problem } from "../problem.ts";

/** Flags that say what a call costs, beside the price per call. Amounts are US dollars. */
export type PriceFlags = {
  readonly operation?: string;
  readonly perKbIn?: string;
  readonly perKbOut?: string;
  readonly per1kInputTokens?: string;
  readonly per1kOutputTokens?: string;
  readonly perSecond?: string;
  readonly max?: string;
};

/** Adds them to a command that takes a rule. */
export function withPriceFlags(command: Command): Command {
  return command
    .argument("<server/tool>", '"*" stands for any, for example everything/*')
    .argument("[usd]", "price of one call in US dollars, to the millionth")
    .option("--operation <name>", 'tools/call, resources/read …, or "*" for any (tools/call)')
    .option("--per-kb-in <usd>", "price of 1024 bytes of the request")
    .option("--per-kb-out <usd>", "price of 1024 bytes of the answer")
    .option("--per-1k-input-tokens <usd>", "price of 1000 tokens in, estimated: one for 4 bytes")
    .option("--per-1k-output-tokens <usd>", "price of 1000 tokens out")
    .option("--per-second <usd>", "price of a second of the call")
    .option("--max <usd>", "most that one call costs; needed with any of these");
}

/** What a rule prices and what that costs, as requests take it. */
export function priceFrom(target: string, perCall: string | undefined, flags: PriceFlags) {
  const { perKbIn, perKbOut, per1kInputTokens, per1kOutputTokens, perSecond, max } = flags;
  const parts = [perCall, perKbIn, perKbOut, per1kInputTokens, per1kOutputTokens, perSecond, max];
  // Nothing said is not for free.
  if (parts.every((part) => part === undefined))
    throw new Problem(`no price was given for ${target}`, `Give one: ${target} 0.001, or 0.`);
  return {
    ...targetFrom(target),
    operation: flags.operation ?? "",
    perCallUsdMicros: microsFrom(perCall),
    perKbInUsdMicros: microsFrom(perKbIn),
    perKbOutUsdMicros: microsFrom(perKbOut),
    per1kInputTokensUsdMicros: microsFrom(per1kInputTokens),
    per1kOutputTokensUsdMicros: microsFrom(per1kOutputTokens),
    perSecondUsdMicros: microsFrom(perSecond),
    maxPerCallUsdMicros: microsFrom(max),
  };
}

/** A time that a person wrote; undefined when none was. */
export function timeFrom(flag: string, text: string | undefined): Timestamp | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (Number.isNaN(time.getTime()))
    throw new Problem(`${flag} ${text} is no time`, "Write it like 2026-12-01T00:00:00Z.");
  return timestampFromDate(time);
}

/** A price for people: "$0.000250 per call + $0.001 per KB out, at most $0.10". */
export function priceText(rule: PriceRule): string {
  const parts: [bigint, string][] = [
    [rule.perCallUsdMicros, "call"],
    [rule.perKbInUsdMicros, "KB in"],
    [rule.perKbOutUsdMicros, "KB out"],
    [rule.per1kInputTokensUsdMicros, "1k tokens in"],
    [rule.per1kOutputTokensUsdMicros, "1k tokens out"],
    [rule.perSecondUsdMicros, "second"],
  ];
  const said = parts.filter(([micros], index) => micros > 0n || index === 0);
  const sum = said.map(([micros, unit]) => `${usd(micros)} per ${unit}`).join(" + ");
  const reported = rule.honourReported ? ", or as reported" : "";
  const isVariable = said.length > 1 || rule.honourReported;
  return isVariable ? `${sum}${reported}, at most ${usd(rule.maxPerCallUsdMicros)}` : sum;
}

/** What a rule is for: "everything/echo", "everything/* resources/read". */
export function targetText(rule: Pick<PriceRule, "server" | "tool" | "operation">): string {
  const target = `${rule.server}/${rule.tool}`;
  return rule.operation === "tools/call" ? target : `${target} ${rule.operation}`;
}

function microsFrom(amount = "0"): bigint {
  const micros = usdMicrosFrom(amount);
  if (micros !== undefined) return micros;
  throw new Problem(
    `${amount} is no amount in US dollars`,
    "Write it with at most six decimals, like 0.00025.",
  );
}

/** "server/tool"; a server alone stands for all of its tools. */
function targetFrom(text: string): { server: string; tool: string } {
  const slash = text.indexOf("/");
  if (slash === -1) return { server: text, tool: "*" };
  return { server: text.slice(0, slash), tool: text.slice(slash + 1) };
}
