import type { ServiceImpl } from "@connectrpc/connect";
import { Failure } from "@gatewayops/platform/errors";
import { toolIdOf, uuidFromText } from "@gatewayops/platform/ids";
import {
  NO_TOOL,
  shownName,
  shownTool,
  type NameRef,
  type NameResolver,
} from "@gatewayops/platform/names";
import { requireCaller } from "@gatewayops/platform/rpc/caller";
import type { PriceService } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { periodOfDates, type Period } from "../summary/periods.ts";
import { requireSound, type PricedCalls } from "./price-rule.ts";
import type { SimulatedLine, SimulationStore } from "./simulation-store.ts";

export type SimulationRpcOptions = {
  readonly simulations: SimulationStore;
  readonly names: NameResolver;
};

/** Longest period, in days: each call of it is read. */
const DAYS_MAX = 92;
const LINES_MAX = 1_000;

/** The method of PriceService that reads the ledger. */
export function createSimulationRpc({
  simulations,
  names,
}: SimulationRpcOptions): Pick<ServiceImpl<typeof PriceService>, "simulatePrice"> {
  return {
    async simulatePrice(request, context) {
      const { orgId } = requireCaller(context);
      const { startDate, endDate } = request;
      const period = periodOfDates(startDate, endDate, DAYS_MAX);
      const rule = requireSound(request);
      const which = await idsOf(orgId, rule, period);
      const { total, lines } = await simulations.simulate(orgId, {
        period,
        parts: rule,
        operation: rule.operation,
        ...which,
        limit: LINES_MAX,
      });
      const found = await names.resolve(orgId, lines.flatMap(refsOf));
      return {
        period: { start: startDate, end: endDate },
        calls: total.calls,
        cappedCalls: total.cappedCalls,
        actualCostUsdMicros: total.actualUsdMicros,
        simulatedCostUsdMicros: total.simulatedUsdMicros,
        lines: lines.map((line) => ({
          server: shownName(found, "server", line.serverId),
          tool: shownTool(found, line.toolId),
          operation: line.operation,
          calls: line.calls,
          actualCostUsdMicros: line.actualUsdMicros,
          simulatedCostUsdMicros: line.simulatedUsdMicros,
        })),
      };
    },
  };

  /** The ids behind a rule's names: the ledger knows calls by those. */
  async function idsOf(
    orgId: string,
    { server, tool }: PricedCalls,
    period: Period,
  ): Promise<{ serverIds: string[] | undefined; toolIds: bigint[] | undefined }> {
    if (server === "*" && tool === "*") return { serverIds: undefined, toolIds: undefined };
    const all = await simulations.servers(orgId, period);
    const found = await names.resolve(
      orgId,
      all.map(({ id }) => ({ kind: "server", id })),
    );
    const serverIds = all
      .filter(({ id, storedName }) => {
        if (server === "*") return true;
        const name = found.of("server", id) ?? storedName;
        // Calls that may be meant would be missing without a word.
        if (name === "") throw namesUnknown();
        return name === server;
      })
      .map(({ id }) => id);
    const toolIds =
      tool === "*"
        ? undefined
        : serverIds.map((id) => toolIdOf(uuidFromText(id) ?? Buffer.alloc(16), tool));
    // A tool's id is one of one server.
    return { serverIds: server === "*" ? undefined : serverIds, toolIds };
  }
}

function refsOf({ serverId, toolId }: SimulatedLine): NameRef[] {
  const refs: NameRef[] = serverId === "" ? [] : [{ kind: "server", id: serverId }];
  if (toolId !== NO_TOOL) refs.push({ kind: "tool", id: toolId });
  return refs;
}

function namesUnknown(): Failure {
  return new Failure(
    "STORE_UNAVAILABLE",
    "The names of MCP servers cannot be looked up now, so it is not known whose calls are meant. Try again in a moment.",
    { retryAfterMs: 2_000 },
  );
}
