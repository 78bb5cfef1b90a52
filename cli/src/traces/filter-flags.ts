import { Status } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import type { Command } from "commander";
import { usdMicrosFrom } from "../client/units.ts";
import { Problem } from "../problem.ts";

/** Flags that say which calls are meant. */
export type FilterFlags = {
  readonly server?: string;
  readonly tool?: string;
  readonly status?: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly face?: string;
  readonly team?: string;
  readonly user?: string;
  readonly byKey?: string;
  readonly trace?: string;
  readonly minDuration?: string;
  readonly maxDuration?: string;
  readonly minCost?: string;
  readonly maxCost?: string;
};

/** Adds the flags that say which calls are meant. */
export function withFilterFlags(command: Command): Command {
  return command
    .option("--server <name>", "only calls of this MCP server")
    .option("--tool <name>", "only calls of this tool")
    .option("--status <status>", "only calls that ended so: success, error, timeout, unknown")
    .option("--outcome <outcome>", "only calls that ended exactly so, for example refused")
    .option("--reason <reason>", "only calls with this reason, for example RATE_LIMITED")
    .option("--face <face>", "only calls over mcp_legacy, mcp_modern, rest or grpc")
    .option("--team <id>", "only calls of this team")
    .option("--user <id>", "only calls of this person")
    .option("--by-key <id>", "only calls made with this API key")
    .option("--trace <id>", "only calls of this trace")
    .option("--min-duration <ms>", "only calls that took at least so long")
    .option("--max-duration <ms>", "only calls that took at most so long")
    .option("--min-cost <usd>", "only calls that cost at least so much")
    .option("--max-cost <usd>", "only calls that cost at most so much");
}

/**
 * The conditions in a request's fields.
 *
 * @throws Problem for what cannot be meant
 */
export function filterFields(flags: FilterFlags) {
  const maxDurationMs = durationFrom("--max-duration", flags.maxDuration);
  const maxCostUsdMicros = costFrom("--max-cost", flags.maxCost);
  return {
    mcpServer: flags.server ?? "",
    toolName: flags.tool ?? "",
    status: statusFrom(flags.status),
    outcome: flags.outcome ?? "",
    reason: flags.reason ?? "",
    face: flags.face ?? "",
    teamId: flags.team ?? "",
    userId: flags.user ?? "",
    apiKeyId: flags.byKey ?? "",
    traceId: flags.trace ?? "",
    minDurationMs: durationFrom("--min-duration", flags.minDuration) ?? 0,
    minCostUsdMicros: costFrom("--min-cost", flags.minCost) ?? 0n,
    ...(maxDurationMs === undefined ? {} : { maxDurationMs }),
    ...(maxCostUsdMicros === undefined ? {} : { maxCostUsdMicros }),
  };
}

const STATUSES: Readonly<Record<string, Status>> = {
  success: Status.SUCCESS,
  error: Status.ERROR,
  timeout: Status.TIMEOUT,
  unknown: Status.UNKNOWN,
};

/** The word for a status. */
export function statusWord(status: Status): string {
  return Object.keys(STATUSES).find((word) => STATUSES[word] === status) ?? "";
}

/** The status that a person wrote. */
export function statusFrom(text: string | undefined): Status {
  if (text === undefined) return Status.UNSPECIFIED;
  const status = STATUSES[text];
  if (status !== undefined) return status;
  throw new Problem(
    `--status ${text} is not known`,
    `Use one of: ${Object.keys(STATUSES).join(", ")}.`,
  );
}

/** What a whole number of milliseconds can be in the contract. */
const MS_MAX = 4_294_967_295;

function durationFrom(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (ms <= MS_MAX) return ms;
  throw new Problem(`${flag} ${text} is no number of milliseconds`, `Write it like ${flag} 250.`);
}

function costFrom(flag: string, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const micros = usdMicrosFrom(text);
  if (micros !== undefined) return micros;
  throw new Problem(
    `${flag} ${text} is no amount in US dollars with at most six decimals`,
    `Write it like ${flag} 0.25.`,
  );
}
