import {
  Face,
  Operation,
  Outcome,
  RuleOwner,
  Stage,
  StageOutcome,
  type CallCompletion,
  type CallIntent,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { toolIdToText, uuidToText } from "../ids.ts";

/** A call record in the values and names that tables and answers use. */
export type CallFacts = {
  readonly intent: CallIntent;
  /** UUIDs in text; empty for none. */
  readonly orgId: string;
  readonly teamId: string;
  readonly userId: string;
  readonly keyId: string;
  readonly serverId: string;
  /** "tools/call" …; empty when not said. */
  readonly method: string;
  /** "mcp_legacy", "mcp_modern", "rest", "grpc"; empty when not said. */
  readonly face: string;
  readonly outcome: OutcomeName;
  /**
   * Of two records of one call the heavier is right. A gateway that died leaves an intent, which becomes a record with
   * outcome unknown; should the completion be found after all, it replaces that one.
   */
  readonly weight: 1 | 2;
};

/** How a call ended, as answers name it. */
export type OutcomeName = (typeof OUTCOMES)[Outcome];

/** A name for every number this program knows. A newer gateway may send others. */
type Names<E extends number> = Readonly<Record<E, string> & Partial<Record<number, string>>>;

const METHODS: Names<Operation> = {
  [Operation.UNSPECIFIED]: "",
  [Operation.TOOLS_CALL]: "tools/call",
  [Operation.RESOURCES_READ]: "resources/read",
  [Operation.PROMPTS_GET]: "prompts/get",
  [Operation.COMPLETION_COMPLETE]: "completion/complete",
};

const FACES: Names<Face> = {
  [Face.UNSPECIFIED]: "",
  [Face.MCP_LEGACY]: "mcp_legacy",
  [Face.MCP_MODERN]: "mcp_modern",
  [Face.REST]: "rest",
  [Face.GRPC]: "grpc",
};

const OUTCOMES = {
  [Outcome.UNSPECIFIED]: "unknown",
  [Outcome.OK]: "ok",
  [Outcome.TOOL_ERROR]: "tool_error",
  [Outcome.RPC_ERROR]: "rpc_error",
  [Outcome.REFUSED]: "refused",
  [Outcome.UPSTREAM_ERROR]: "upstream_error",
  [Outcome.TIMEOUT]: "timeout",
  [Outcome.CANCELLED]: "cancelled",
  [Outcome.UNKNOWN]: "unknown",
} as const satisfies Record<Outcome, string>;

const STAGES: Names<Stage> = {
  [Stage.UNSPECIFIED]: "",
  [Stage.AUTHENTICATE]: "authenticate",
  [Stage.ROUTE]: "route",
  [Stage.AUTHORIZE]: "authorize",
  [Stage.RATE_LIMIT]: "rate_limit",
  [Stage.BUDGET]: "budget",
  [Stage.UPSTREAM]: "upstream",
  [Stage.PRICE]: "price",
  [Stage.VALIDATE]: "validate",
  [Stage.PIN]: "pin",
  [Stage.LOG]: "log",
};

const STAGE_OUTCOMES: Names<StageOutcome> = {
  [StageOutcome.UNSPECIFIED]: "",
  [StageOutcome.PASSED]: "passed",
  [StageOutcome.REFUSED]: "refused",
  [StageOutcome.NOT_CONFIGURED]: "not_configured",
  [StageOutcome.DEGRADED]: "degraded",
  [StageOutcome.FAILED]: "failed",
  [StageOutcome.OBSERVED]: "observed",
};

const RULE_OWNERS: Names<RuleOwner> = {
  [RuleOwner.UNSPECIFIED]: "",
  [RuleOwner.KEY]: "key",
  [RuleOwner.TEAM]: "team",
  [RuleOwner.ORG]: "org",
};

/** The facts of a record that the consumer let pass, see recordProblem. */
export function factsOf(record: CallCompletion): CallFacts {
  const { intent } = record;
  if (intent === undefined) throw new Error("A record without intent was not sorted out.");
  const outcome = outcomeName(record.outcome);
  return {
    intent,
    orgId: textOf(intent.orgId),
    teamId: textOf(intent.teamId),
    userId: textOf(intent.userId),
    keyId: textOf(intent.keyId),
    serverId: textOf(intent.serverId),
    method: METHODS[intent.operation as number] ?? `operation_${intent.operation}`,
    face: FACES[intent.face as number] ?? `face_${intent.face}`,
    outcome,
    weight: outcome === "unknown" ? 1 : 2,
  };
}

/** Gives the name an id has now, undefined when it is not known at once. */
export type KnownNames = (
  orgId: string,
  ref: { readonly kind: "server" | "tool"; readonly id: string },
) => string | undefined;

/** Names stored with a call; empty for none and for what is not known yet. */
export type StoredNames = { readonly mcp_server: string; readonly tool_name: string };

/** The names to store with a call. */
export function storedNames(
  { intent, orgId, serverId }: CallFacts,
  names: KnownNames,
): StoredNames {
  const tool = intent.toolId === 0n ? undefined : toolIdToText(intent.toolId);
  return {
    mcp_server: serverId === "" ? "" : (names(orgId, { kind: "server", id: serverId }) ?? ""),
    tool_name: tool === undefined ? "" : (names(orgId, { kind: "tool", id: tool }) ?? ""),
  };
}

function outcomeName(outcome: number): OutcomeName {
  return (OUTCOMES as Partial<Record<number, OutcomeName>>)[outcome] ?? "unknown";
}

/** The name of a stage in records and answers. */
export function stageName(stage: number): string {
  return STAGES[stage] ?? `stage_${stage}`;
}

/** The name of a stage's outcome in records and answers. */
export function stageOutcomeName(outcome: number): string {
  return STAGE_OUTCOMES[outcome] ?? `outcome_${outcome}`;
}

/** Whose rule a stage went by, in records and answers; empty when that is not said. */
export function ruleOwnerName(owner: number): string {
  return RULE_OWNERS[owner] ?? "";
}

// Ids of organisations, people, keys and servers come again with every call.
const texts = new Map<string, string>();
const TEXTS_MAX = 10_000;

function textOf(id: Uint8Array): string {
  if (id.length !== 16) return "";
  const key = Buffer.from(id.buffer, id.byteOffset, 16).toString("latin1");
  const known = texts.get(key);
  if (known !== undefined) return known;
  if (texts.size >= TEXTS_MAX) texts.clear();
  const text = uuidToText(id);
  texts.set(key, text);
  return text;
}
