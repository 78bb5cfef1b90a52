import type { StatusName } from "../calls/call-row.ts";
import type { CallFilter } from "./call-filter.ts";

/** What a thing is named after: ids, and the names it was stored with, empty when not known then. */
export type NamedAfter = {
  /** UUID; empty for none. */
  readonly serverId: string;
  readonly serverName: string;
  /** 16 hexadecimal digits. */
  readonly toolId: string;
  readonly toolName: string;
};

/** A trace: the calls that share a trace id. */
export type Trace = NamedAfter & {
  /** UUID. */
  readonly traceId: string;
  readonly startTimeUs: bigint;
  readonly durationMs: bigint;
  readonly status: StatusName;
  readonly spanCount: number;
  readonly callCount: number;
  readonly costUsdMicros: bigint;
  readonly teamId: string;
  readonly userId: string;
};

/** A span of a trace. */
export type SpanRecord = NamedAfter & {
  readonly traceId: string;
  readonly spanId: bigint;
  /** 0n: none. */
  readonly parentSpanId: bigint;
  readonly operation: string;
  readonly startTimeUs: bigint;
  readonly durationUs: bigint;
  readonly status: StatusName;
  readonly requestBytes: bigint;
  readonly responseBytes: bigint;
  readonly costUsdMicros: bigint;
  readonly attributes: Readonly<Record<string, string>>;
};

/** The record of a call. */
export type CallRecord = NamedAfter & {
  /** UUIDs. */
  readonly orgId: string;
  readonly callId: string;
  readonly traceId: string;
  readonly startTimeUs: bigint;
  readonly durationUs: bigint;
  readonly method: string;
  readonly status: StatusName;
  readonly outcome: string;
  /** Number of a reason; 0: none. */
  readonly reason: number;
  readonly httpStatus: number;
  readonly rpcCode: number;
  readonly face: string;
  readonly costUsdMicros: bigint;
  /** UUID; empty when the call was free. */
  readonly priceRuleId: string;
  readonly requestBytes: bigint;
  readonly responseBytes: bigint;
  readonly attempts: number;
  readonly keyId: string;
  readonly teamId: string;
  readonly userId: string;
  readonly stages: readonly {
    readonly name: string;
    readonly outcome: string;
    readonly durationUs: bigint;
    /** Whose rule decided: "key", "team", "org"; empty when that is not recorded. */
    readonly ruleOwner: string;
  }[];
};

/** A half-open period in microseconds since 1970-01-01 UTC. Undefined end: open. */
export type TimeRange = { readonly startUs: bigint; readonly endUs: bigint | undefined };

/** Where a page of calls, newest first, goes on: the key of the last row before it. */
export type Before = { readonly startTimeUs: bigint; readonly id: string };

/** Where a page of traces goes on. */
export type TraceBefore = Before & {
  /** When the first page was read, in milliseconds of the store's clock. */
  readonly asOfMs: bigint;
};

/** A page of a list. */
export type Page<K> = { readonly limit: number; readonly after: K | undefined };

/** What is asked of whole traces; empty text and undefined: anything. */
export type TraceFilter = {
  readonly status: StatusName | undefined;
  readonly userId: string;
  readonly teamId: string;
};

/** Servers and tools of calls that were stored without name. */
export type NamelessIds = {
  readonly serverIds: readonly string[];
  readonly toolIds: readonly string[];
};

/** What a list of traces asks for. */
export type TraceQuery = {
  readonly range: TimeRange;
  readonly filter: TraceFilter;
  /** Only traces with a call like this. */
  readonly withCall: CallFilter | undefined;
  readonly page: Page<TraceBefore>;
};

/** Traces of a page. */
export type TracePage = {
  readonly traces: readonly Trace[];
  /** For the page after this one. Undefined: nothing was found. */
  readonly asOfMs: bigint | undefined;
};

/** What a list of calls asks for. */
export type CallQuery = {
  readonly range: TimeRange;
  readonly filter: CallFilter;
  readonly page: Page<Before>;
};

/** A stored version of a call: heavier ones replace lighter ones. */
export type CallVersion = {
  readonly callId: string;
  readonly startTimeUs: bigint;
  readonly weight: number;
  /** Milliseconds of the store's clock since 1970-01-01 UTC. */
  readonly storedMs: number;
};

/** Reads traces and calls. Lists give at most `page.limit` rows, newest first where nothing else is said. */
export type TraceStore = {
  /**
   * Traces that begin in a period. Going on by `asOfMs` gives each trace that there was then once, though others come,
   * and though a call that began earlier turns up and moves its trace to another place of the list.
   */
  listTraces(orgId: string, query: TraceQuery): Promise<TracePage>;
  getTrace(orgId: string, traceId: string): Promise<Trace | undefined>;
  /** Spans in order of time, a call before its stages. */
  listSpans(orgId: string, traceId: string, page: Page<SpanKey>): Promise<readonly SpanRecord[]>;
  getCall(orgId: string, callId: string): Promise<CallRecord | undefined>;
  listCalls(orgId: string, query: CallQuery): Promise<readonly CallRecord[]>;
  /** The store's clock, in milliseconds since 1970-01-01 UTC. */
  storeTimeMs(): Promise<number>;
  /** Calls of the last day that were stored since a time of the store's clock, the newest first, some of them twice. */
  storedSince(orgId: string, sinceMs: number, limit: number): Promise<readonly CallVersion[]>;
  /** The records of these calls. */
  callsOf(orgId: string, calls: readonly CallVersion[]): Promise<readonly CallRecord[]>;
  /** At most 1000 of each. */
  namelessIds(orgId: string, range: TimeRange): Promise<NamelessIds>;
};

/** Key of a span in the order of listSpans. */
export type SpanKey = {
  readonly startTimeUs: bigint;
  readonly isStage: boolean;
  readonly spanId: bigint;
};
