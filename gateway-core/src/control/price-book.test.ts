import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import {
  GetPriceBookResponseSchema,
  type PriceRuleSchema,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { Operation } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { createPriceBook, type PriceBook } from "./price-book.ts";

type Rule = MessageInitShape<typeof PriceRuleSchema>;

/** A time in the middle of 2026. */
const NOW_MS = 1_782_000_000_000;

let now = NOW_MS;

function bookOf(rules: Rule[], readMs = NOW_MS): PriceBook {
  const book = create(GetPriceBookResponseSchema, { rules, readTime: timestampFromMs(readMs) });
  return createPriceBook({ orgId: "org", book, now: () => now });
}

/** A rule whose price tells it from others. */
function rule(server: string, tool: string, micros: number, operation = "tools/call"): Rule {
  return { server, tool, operation, perCallUsdMicros: BigInt(micros) };
}

const { TOOLS_CALL, RESOURCES_READ, PROMPTS_GET } = Operation;

describe("createPriceBook", () => {
  it("lets the most exact rule win: server and tool, server, tool, everything", () => {
    const rules = [
      rule("files", "read", 1),
      rule("files", "*", 2),
      rule("*", "read", 4),
      rule("*", "*", 6),
    ];
    const book = bookOf(rules);
    const price = (server: string, tool: string) =>
      book.priceOf(server, tool, TOOLS_CALL).maxUsdMicros;
    expect(price("files", "read")).toBe(1n);
    expect(price("files", "write")).toBe(2n);
    expect(price("mail", "read")).toBe(4n);
    expect(price("mail", "send")).toBe(6n);
    expect(bookOf(rules.slice(0, 2)).priceOf("mail", "read", TOOLS_CALL).maxUsdMicros).toBe(0n);
  });

  it("prefers the rule that names the operation, after server and tool", () => {
    const book = bookOf([
      rule("*", "*", 1, "resources/read"),
      rule("*", "*", 2, "*"),
      rule("files", "*", 3, "*"),
      rule("files", "*", 4, "tools/call"),
    ]);
    const price = (server: string, operation: Operation) =>
      book.priceOf(server, "x", operation).maxUsdMicros;
    expect(price("files", TOOLS_CALL)).toBe(4n);
    expect(price("files", RESOURCES_READ)).toBe(3n);
    expect(price("mail", RESOURCES_READ)).toBe(1n);
    expect(price("mail", PROMPTS_GET)).toBe(2n);
    expect(price("mail", TOOLS_CALL)).toBe(2n);
  });

  it("prices nothing else by a rule for tools, be it called like one", () => {
    const book = bookOf([rule("files", "read", 1), rule("files", "*", 2, "")]);
    expect(book.priceOf("files", "read", RESOURCES_READ).maxUsdMicros).toBe(0n);
    expect(book.priceOf("files", "read", PROMPTS_GET).ruleId).toHaveLength(0);
    expect(book.priceOf("files", "write", TOOLS_CALL).maxUsdMicros).toBe(2n);
  });

  it("leaves out rules for an operation that is not known", () => {
    const book = bookOf([rule("*", "*", 1, "tasks/create"), rule("*", "*", 2, "tools/call")]);
    expect(book.priceOf("files", "read", TOOLS_CALL).maxUsdMicros).toBe(2n);
  });

  it("goes over to a rule at its time, and ends one at its end", () => {
    now = NOW_MS;
    const at = (ms: number) => timestampFromMs(NOW_MS + ms);
    const book = bookOf([
      { ...(rule("files", "read", 2) as object), effectiveTime: at(1_000), endTime: at(2_000) },
      { ...(rule("files", "read", 1) as object), effectiveTime: at(-5_000), endTime: at(1_000) },
      rule("files", "*", 9),
    ]);
    const price = () => book.priceOf("files", "read", TOOLS_CALL).maxUsdMicros;
    expect(price()).toBe(1n);
    now = NOW_MS + 999;
    expect(price()).toBe(1n);
    now = NOW_MS + 1_000;
    expect(price()).toBe(2n);
    now = NOW_MS + 1_999;
    expect(price()).toBe(2n);
    now = NOW_MS + 2_000;
    expect(price()).toBe(9n);
  });

  it("counts by the clock the book was read by", () => {
    // The clock here is an hour slow: what began a moment ago is in force, and what is to come comes in time.
    now = NOW_MS;
    const readMs = NOW_MS + 3_600_000;
    const at = (ms: number) => timestampFromMs(readMs + ms);
    const book = bookOf(
      [
        { ...(rule("*", "*", 1) as object), effectiveTime: at(0), endTime: at(1_000) },
        { ...(rule("*", "*", 2) as object), effectiveTime: at(1_000) },
      ],
      readMs,
    );
    const price = () => book.priceOf("files", "read", TOOLS_CALL).maxUsdMicros;
    expect(price()).toBe(1n);
    now = NOW_MS + 1_000;
    expect(price()).toBe(2n);
  });
});
