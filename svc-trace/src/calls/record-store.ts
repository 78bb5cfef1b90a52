import type { CallRow } from "./call-row.ts";
import type { SpanRow } from "./span-rows.ts";

/** A trace of an organisation, by UUIDs. */
export type TraceKey = { readonly orgId: string; readonly traceId: string };

/** Stores the records of calls. */
export type RecordStore = {
  /** Adds rows for good. A row that is there already counts once. */
  addCalls(rows: readonly CallRow[]): Promise<void>;
  addSpans(rows: readonly SpanRow[]): Promise<void>;
  /**
   * Computes traces anew from their spans. May run any number of times and at the same time elsewhere: the result
   * that saw more spans stays.
   */
  recompute(traces: readonly TraceKey[]): Promise<void>;
};
