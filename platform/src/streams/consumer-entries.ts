import { fromBinary } from "@bufbuild/protobuf";
import {
  CallEventBatchSchema,
  type CallCompletion,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";

/** One entry of the stream as Redis gives it: id, then names and values of its fields in turn. */
export type StreamEntry = readonly [id: Buffer, fields: readonly Buffer[]];

/** What an entry holds. */
export type DecodedEntry = {
  /** Records that can be stored. */
  readonly records: readonly CallCompletion[];
  /** Why something of the entry cannot be stored. Undefined: all of it can. */
  readonly problem: string | undefined;
};

/** Decodes an entry. Never throws: what cannot be read or stored is named in `problem`. */
export function decodeEntry(entry: StreamEntry): DecodedEntry {
  const payload = fieldOf(entry, "p");
  if (payload === undefined) return { records: [], problem: "the entry has no field p" };
  const records: CallCompletion[] = [];
  let problem: string | undefined;
  try {
    for (const event of fromBinary(CallEventBatchSchema, payload).events) {
      if (event.completion === undefined) continue;
      const wrong = recordProblem(event.completion);
      if (wrong === undefined) records.push(event.completion);
      else problem ??= wrong;
    }
  } catch (error) {
    return {
      records: [],
      problem: `the field p is no CallEventBatch: ${(error as Error).message}`,
    };
  }
  return { records, problem };
}

// 2020 and 2200. Times outside are a broken clock or a broken record, and columns of dates end in 2299.
const EARLIEST_US = 1_577_836_800_000_000n;
const LATEST_US = 7_258_118_400_000_000n;
const COST_MAX_MICROS = 10n ** 18n;

/** What makes a record impossible to store, undefined when nothing does. A store may rely on it. */
export function recordProblem(record: CallCompletion): string | undefined {
  const { intent } = record;
  if (intent === undefined) return "a record has no intent";
  if (intent.callId.length !== 16) return "a call id is not 16 bytes long";
  if (intent.orgId.length !== 16) return "an organisation id is not 16 bytes long";
  if (intent.traceId.length !== 16) return "a trace id is not 16 bytes long";
  if (intent.spanId.length !== 8) return "a span id is not 8 bytes long";
  if (![0, 8].includes(intent.parentSpanId.length)) return "a parent span id is not 8 bytes long";
  const optional = [
    intent.teamId,
    intent.userId,
    intent.keyId,
    intent.serverId,
    record.priceRuleId,
    record.budgetId,
    record.logId,
  ];
  if (optional.some((id) => id.length !== 0 && id.length !== 16))
    return "an id is not 16 bytes long";
  if (intent.startTimeUs < EARLIEST_US || intent.startTimeUs >= LATEST_US)
    return "a start time is not between the years 2020 and 2200";
  if (record.costUsdMicros >= COST_MAX_MICROS) return "a price is too large";
  return undefined;
}

/** A field of an entry. */
export function fieldOf(entry: StreamEntry, name: string): Buffer | undefined {
  const fields = entry[1];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (fields[i]?.toString("latin1") === name) return fields[i + 1];
  }
  return undefined;
}
