import { shownTool, type Names } from "@gatewayops/platform/names";
import type { StatusName } from "../calls/call-row.ts";
import type { CallRecord } from "./trace-store.ts";

/** Calls by name: those stored with the name, and those of the ids that have the name now. */
export type NameFilter = { readonly name: string; readonly ids: readonly string[] };

/** What is asked of a call; empty text, undefined and, but for the upper bounds, 0: anything. */
export type CallFilter = {
  readonly status: StatusName | undefined;
  readonly outcome: string;
  /** Number of a reason. */
  readonly reason: number;
  readonly face: string;
  readonly method: string;
  readonly userId: string;
  readonly teamId: string;
  readonly keyId: string;
  readonly server: NameFilter | undefined;
  readonly tool: NameFilter | undefined;
  readonly minDurationUs: bigint;
  readonly maxDurationUs: bigint | undefined;
  readonly minCostUsdMicros: bigint;
  readonly maxCostUsdMicros: bigint | undefined;
  /** UUIDs. */
  readonly callId: string;
  readonly traceId: string;
};

export const ANY_CALL: CallFilter = {
  status: undefined,
  outcome: "",
  reason: 0,
  face: "",
  method: "",
  userId: "",
  teamId: "",
  keyId: "",
  server: undefined,
  tool: undefined,
  minDurationUs: 0n,
  maxDurationUs: undefined,
  minCostUsdMicros: 0n,
  maxCostUsdMicros: undefined,
  callId: "",
  traceId: "",
};

/**
 * Whether a call is one of those that the conditions on the tables find (call-conditions.ts); a test holds both together.
 *
 * @param names the names of things that the call was stored without the names of
 */
export function matches(filter: CallFilter, call: CallRecord, names: Names): boolean {
  const { status, reason, server, tool, maxDurationUs, maxCostUsdMicros } = filter;
  return (
    (status === undefined || call.status === status) &&
    (reason === 0 || call.reason === reason) &&
    TEXTS.every((name) => filter[name] === "" || filter[name] === call[name]) &&
    (server === undefined || server.name === serverNameOf(call, names)) &&
    (tool === undefined || tool.name === (call.toolName || shownTool(names, call.toolId))) &&
    call.durationUs >= filter.minDurationUs &&
    (maxDurationUs === undefined || call.durationUs <= maxDurationUs) &&
    call.costUsdMicros >= filter.minCostUsdMicros &&
    (maxCostUsdMicros === undefined || call.costUsdMicros <= maxCostUsdMicros)
  );
}

/** What a filter and a call call alike. */
const TEXTS = [
  "outcome",
  "face",
  "method",
  "userId",
  "teamId",
  "keyId",
  "callId",
  "traceId",
] as const satisfies readonly (keyof CallFilter & keyof CallRecord)[];

function serverNameOf({ serverName, serverId }: CallRecord, names: Names): string | undefined {
  return serverName || names.of("server", serverId);
}
