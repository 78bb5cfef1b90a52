import { describe, expect, it } from "@jest/globals";
import { decodeEntry, recordProblem, type StreamEntry } from "./consumer-entries.ts";
import { makeRecord, payloadOf, type RecordSpec } from "./consumer-testing.ts";

const START_US = 1_795_444_200_000_000n;

function entryOf(payload: Buffer): StreamEntry {
  return [Buffer.from("1-0"), [Buffer.from("l"), Buffer.from("ab"), Buffer.from("p"), payload]];
}

describe("decodeEntry", () => {
  it("gives the records in their order", () => {
    const records = [makeRecord(START_US), makeRecord(START_US + 1n)];
    expect(decodeEntry(entryOf(payloadOf(records)))).toEqual({ records, problem: undefined });
  });

  it("gives what can be stored and names what cannot", () => {
    const good = makeRecord(START_US);
    const bad = makeRecord(START_US, { intent: { traceId: new Uint8Array(15) } });
    expect(decodeEntry(entryOf(payloadOf([bad, good])))).toEqual({
      records: [good],
      problem: "a trace id is not 16 bytes long",
    });
  });

  it("does not throw at junk", () => {
    expect(decodeEntry(entryOf(Buffer.from([0xff, 0xff]))).problem).toContain("no CallEventBatch");
    expect(decodeEntry([Buffer.from("1-0"), []]).problem).toContain("no field p");
  });

  it("takes an empty frame", () => {
    expect(decodeEntry(entryOf(Buffer.alloc(0)))).toEqual({ records: [], problem: undefined });
  });
});

describe("recordProblem", () => {
  it("is undefined for a record that can be stored", () => {
    expect(recordProblem(makeRecord(START_US))).toBeUndefined();
  });

  it.each<[string, RecordSpec, bigint]>([
    ["a short call id", { intent: { callId: new Uint8Array(8) } }, START_US],
    ["a short span id", { intent: { spanId: new Uint8Array(4) } }, START_US],
    ["a short parent", { intent: { parentSpanId: new Uint8Array(4) } }, START_US],
    ["a short team", { intent: { teamId: new Uint8Array(4) } }, START_US],
    ["a price too large for its column", { completion: { costUsdMicros: 10n ** 18n } }, START_US],
    ["a time before 2020", {}, 1n],
    ["a time after 2200", {}, 10n ** 16n],
  ])("names %s", (_, spec, startUs) => {
    expect(recordProblem(makeRecord(startUs, spec))).toEqual(expect.any(String));
  });
});
