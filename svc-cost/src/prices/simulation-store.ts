import type { Period } from "../summary/periods.ts";
import type { PriceParts } from "./price-rule.ts";

/** Works out prices over the calls of the ledger, and changes nothing. */
export type SimulationStore = {
  /** The MCP servers of a period's calls. */
  servers(orgId: string, period: Period): Promise<readonly LedgerServer[]>;
  /** What the calls that fit cost and would have cost. A call that is stored twice counts once. */
  simulate(orgId: string, query: SimulationQuery): Promise<Simulation>;
};

export type LedgerServer = {
  /** UUID. */
  readonly id: string;
  /** Name when a call was stored; empty when it was not known then. */
  readonly storedName: string;
};

/** Which calls, and by which price. */
export type SimulationQuery = {
  readonly period: Period;
  readonly parts: PriceParts;
  /** "*" for any. */
  readonly operation: string;
  /** UUIDs; undefined for any. */
  readonly serverIds: readonly string[] | undefined;
  /** Undefined for any. */
  readonly toolIds: readonly bigint[] | undefined;
  /** Most lines. */
  readonly limit: number;
};

export type Simulation = {
  readonly total: SimulatedSums & { readonly cappedCalls: bigint };
  /** By server, tool and operation, by falling simulated cost. */
  readonly lines: readonly SimulatedLine[];
};

export type SimulatedSums = {
  readonly calls: bigint;
  readonly actualUsdMicros: bigint;
  readonly simulatedUsdMicros: bigint;
};

export type SimulatedLine = SimulatedSums & {
  /** UUID. */
  readonly serverId: string;
  /** 16 hexadecimal digits; zeros for none. */
  readonly toolId: string;
  readonly operation: string;
};
