import type { CallRow } from "./call-row.ts";

/** A trace of an organisation that a call was added to. */
export type TouchedTrace = {
  /** UUIDs. */
  readonly orgId: string;
  readonly traceId: string;
  /**
   * When the call began that the gateway made the trace's id for, in microseconds since 1970-01-01 UTC: no other call
   * of the trace is older, but for what clocks of gateways differ. Undefined: it was not among the calls added.
   */
  readonly rootTimeUs: bigint | undefined;
};

/** Stores the records of calls. */
export type RecordStore = {
  /** Adds rows for good. A row that is there already counts once. */
  addCalls(rows: readonly CallRow[]): Promise<void>;
  /**
   * Computes traces anew from their calls. May run any number of times and at the same time elsewhere: the result
   * that saw more calls stays.
   */
  recompute(traces: readonly TouchedTrace[]): Promise<void>;
};
