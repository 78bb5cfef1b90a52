import { invalidRequest, type FieldProblem } from "@gatewayops/platform/errors";

/** What is priced. "*" stands for any. */
export type PricedCalls = {
  /** Name of the MCP server. */
  readonly server: string;
  /** Name of the tool. */
  readonly tool: string;
  /** "tools/call", "resources/read", "prompts/get" or "completion/complete". */
  readonly operation: string;
};

/** What a call costs: the sum of the parts, at most the maximum. Micro-USD, 0 to 1000 USD each. */
export type PriceParts = {
  readonly perCallUsdMicros: bigint;
  /** Per 1024 bytes. */
  readonly perKbInUsdMicros: bigint;
  readonly perKbOutUsdMicros: bigint;
  readonly per1kInputTokensUsdMicros: bigint;
  readonly per1kOutputTokensUsdMicros: bigint;
  readonly perSecondUsdMicros: bigint;
  readonly maxPerCallUsdMicros: bigint;
};

/** A price for calls. Never changed: a new price is a new rule. */
export type PriceRule = PricedCalls &
  PriceParts & {
    /** UUID. */
    readonly id: string;
    /** True: a price that the MCP server reports counts, up to the maximum. */
    readonly honourReported: boolean;
    readonly createTime: Date;
    readonly effectiveTime: Date;
    /** Not included. Undefined: it has no end. */
    readonly endTime: Date | undefined;
  };

/** The operation of a rule that names none. */
const DEFAULT_OPERATION = "tools/call";

/** A price as a request says it: what is empty, or 0, is left out. */
export type AskedPrice = PricedCalls & PriceParts & { readonly honourReported?: boolean };

/**
 * The price that a request asks for, with what it leaves out.
 *
 * @throws Failure REQUEST_INVALID when its parts do not go together
 */
export function requireSound(asked: AskedPrice): Required<AskedPrice> {
  const operation = asked.operation === "" ? DEFAULT_OPERATION : asked.operation;
  const problems = [...callProblems({ ...asked, operation }), ...maximumProblems(asked)];
  if (problems.length > 0) throw invalidRequest(problems);
  const isFlat = !needsMaximum(asked);
  return {
    server: asked.server,
    tool: asked.tool,
    operation,
    perCallUsdMicros: asked.perCallUsdMicros,
    perKbInUsdMicros: asked.perKbInUsdMicros,
    perKbOutUsdMicros: asked.perKbOutUsdMicros,
    per1kInputTokensUsdMicros: asked.per1kInputTokensUsdMicros,
    per1kOutputTokensUsdMicros: asked.per1kOutputTokensUsdMicros,
    perSecondUsdMicros: asked.perSecondUsdMicros,
    maxPerCallUsdMicros: isFlat ? asked.perCallUsdMicros : asked.maxPerCallUsdMicros,
    honourReported: asked.honourReported ?? false,
  };
}

function callProblems({ tool, operation }: PricedCalls): FieldProblem[] {
  if (tool === "*" || operation === DEFAULT_OPERATION) return [];
  const message = `must be ${DEFAULT_OPERATION}, or be left out, where a tool is named`;
  return [{ field: "operation", message }];
}

function maximumProblems(asked: AskedPrice): FieldProblem[] {
  const { perCallUsdMicros: perCall, maxPerCallUsdMicros: max } = asked;
  const problem = (message: string): FieldProblem[] => [{ field: "max_per_call", message }];
  if (!needsMaximum(asked))
    return max === 0n || max === perCall
      ? []
      : problem("must be left out where per_call is the only part: the price is the maximum");
  if (max === 0n)
    return problem("is required where there is another part than per_call, or honour_reported");
  return max < perCall ? problem("must not be less than per_call") : [];
}

/** True when calls by a rule may cost differently. */
function needsMaximum(asked: AskedPrice): boolean {
  return (
    asked.honourReported === true ||
    asked.perKbInUsdMicros > 0n ||
    asked.perKbOutUsdMicros > 0n ||
    asked.per1kInputTokensUsdMicros > 0n ||
    asked.per1kOutputTokensUsdMicros > 0n ||
    asked.perSecondUsdMicros > 0n
  );
}
