import { StageOutcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import type { McpMessage } from "../mcp/message.ts";
import type { ArgumentProblem, ArgumentValidator } from "../policy/argument-validator.ts";
import { changesArguments, transformParams } from "../policy/transformations.ts";
import type { Upstream } from "../upstream/upstream.ts";

// Posture: open. Without a schema that can be used nothing is refused, and the record says so: `not_configured` while the
// schema is not known yet, `failed` when it cannot be used.

/** What the stage came to. */
export type ArgumentVerdict = {
  readonly outcome: StageOutcome;
  /** Set when the call is refused. */
  readonly refusal: Failure | undefined;
};

/** Checks a call's arguments, as the server will get them, against the tool's schema. Undefined: it is not asked for. */
export type CheckArgumentsStage = (
  upstream: Upstream,
  message: McpMessage,
) => ArgumentVerdict | undefined;

export function createCheckArgumentsStage(validator: ArgumentValidator): CheckArgumentsStage {
  return (upstream, message) => {
    const { validateArguments } = upstream.settings;
    if (validateArguments === "off") return undefined;
    const listed = upstream.listed.get(message.target);
    if (listed?.inputSchema === undefined) return NOT_KNOWN;
    const { hash, inputSchema } = listed;
    const check = validator.check({ hash, inputSchema }, argumentsOf(upstream, message));
    if (check.kind === "valid") return PASSED;
    if (check.kind === "unusable") return UNUSABLE;
    return validateArguments === "observe"
      ? OBSERVED
      : { outcome: StageOutcome.REFUSED, refusal: argumentsInvalid(message, check.problems) };
  };
}

const verdict = (outcome: StageOutcome): ArgumentVerdict => ({ outcome, refusal: undefined });
const PASSED = verdict(StageOutcome.PASSED);
const OBSERVED = verdict(StageOutcome.OBSERVED);
const NOT_KNOWN = verdict(StageOutcome.NOT_CONFIGURED);
const UNUSABLE = verdict(StageOutcome.FAILED);

/** The arguments after the server's transformations. */
function argumentsOf(upstream: Upstream, { target, params }: McpMessage): unknown {
  const { transformations } = upstream.settings;
  if (!changesArguments(target, transformations)) return params["arguments"];
  const given = Buffer.from(JSON.stringify({ arguments: params["arguments"] }));
  const changed = transformParams(given, target, transformations).toString("utf8");
  return (JSON.parse(changed) as { arguments?: unknown }).arguments;
}

function argumentsInvalid({ target }: McpMessage, problems: readonly ArgumentProblem[]): Failure {
  const words = problems.map(({ pointer, message }) => `${pointer || "they"} ${message}`);
  return new Failure(
    "ARGUMENTS_INVALID",
    `The arguments of ${target.slice(0, 128)} do not fit its schema: ${words.join("; ")}.`,
    {
      details: problems.map(({ pointer, message }) => ({ field: `arguments${pointer}`, message })),
    },
  );
}
