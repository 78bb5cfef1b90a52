import type { StageRecord } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";

import type { IconName } from "../icons/icon-paths.ts";

/** A stage as the page shows it. */
export interface StageLook {
  readonly name: string;
  readonly outcome: string;
  readonly tone: "ok" | "bad" | "warn" | "plain";
  readonly icon: IconName;
  readonly durationUs: bigint;
}

const NAMES: Readonly<Record<string, string>> = {
  authenticate: "Key checked",
  route: "Server looked up",
  authorize: "Scopes checked",
  rate_limit: "Rate limits",
  budget: "Budgets",
  upstream: "MCP server called",
  price: "Price worked out",
  validate: "Arguments checked",
  pin: "Tool's definition compared",
  log: "Written to the log",
};

const RULES: Readonly<Record<string, string>> = {
  price_rule: "by a price rule",
  key: "by the key's limit",
  team: "by the team's limit",
  org: "by the organisation's limit",
};

const OUTCOMES: Readonly<Record<string, Omit<StageLook, "name" | "durationUs">>> = {
  passed: { outcome: "Passed", tone: "ok", icon: "check" },
  refused: { outcome: "Refused", tone: "bad", icon: "close" },
  failed: { outcome: "Failed", tone: "bad", icon: "alert" },
  degraded: { outcome: "Decided without a global answer", tone: "warn", icon: "alert" },
  observed: { outcome: "Would have refused: only observes", tone: "warn", icon: "alert" },
  not_configured: { outcome: "Not configured", tone: "plain", icon: "next" },
};

/** Puts the stages of a call into words. A stage or outcome of a newer server is shown by its own word. */
export function stageLooks(stages: readonly StageRecord[]): StageLook[] {
  return stages.map((record) => {
    const look =
      OUTCOMES[record.outcome] ??
      ({ outcome: record.outcome, tone: "plain", icon: "question" } as const);
    const rule = RULES[record.rule];
    return {
      ...look,
      outcome: rule === undefined ? look.outcome : `${look.outcome} ${rule}`,
      name: NAMES[record.stage] ?? record.stage,
      durationUs: record.durationUs,
    };
  });
}
