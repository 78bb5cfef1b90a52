import type { Logger } from "@gatewayops/platform/log";
import type { Directory } from "../control/directory.ts";
import type { Principal } from "../control/principal.ts";
import type { CallLog } from "../events/call-log.ts";
import type { CallMetrics } from "../http/call-metrics.ts";
import type { ToolCatalog } from "../upstream/catalog.ts";
import type { AuthenticateStage } from "./authenticate.ts";
import type { BudgetStage } from "./budget.ts";
import type { CheckArgumentsStage } from "./check-arguments.ts";
import type { RateVerdict } from "./rate-limit.ts";

/** What the pipeline's stages need; one per worker. */
export type Pipeline = {
  readonly authenticate: AuthenticateStage;
  /** Name of the credentials' header, lower case. */
  readonly credentialHeader: string;
  readonly directory: Directory;
  readonly rateLimit: (principal: Principal) => RateVerdict | Promise<RateVerdict>;
  readonly checkArguments: CheckArgumentsStage;
  readonly budget: BudgetStage;
  readonly callLog: CallLog;
  readonly catalog: ToolCatalog;
  readonly metrics: CallMetrics;
  readonly log: Logger;
  /** Part of the calls whose child spans are kept, 0 to 1: `tracing.sample_rate`, 0 when tracing is off. */
  readonly sampleRate: number;
  /** Most bytes of a request's body. */
  readonly bodyMaxBytes: number;
  /** Most levels of nesting in it. */
  readonly jsonMaxDepth: number;
  /** Milliseconds that an agent may take to read what is sent to it. */
  readonly writeTimeoutMs: number;
  /** How often a request that is safe to repeat is sent again. */
  readonly maxRetries: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};
