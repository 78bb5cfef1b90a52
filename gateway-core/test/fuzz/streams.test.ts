import { describe, expect, it } from "@jest/globals";
import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { AnswerScan } from "../../src/mcp/answer-scan.ts";
import { SseGate } from "../../src/mcp/sse-gate.ts";
import { SseParser } from "../../src/mcp/sse-parser.ts";
import { CASES } from "./cases.ts";
import {
  cutAt,
  membersArb,
  mutated,
  objectText,
  parsed,
  placesArb,
  spaces,
  valueJson,
} from "./json-text.ts";

const inner = fc
  .tuple(
    membersArb(
      ["isError", "code", "resultType", "x"],
      fc.oneof(valueJson, fc.constantFrom("true", "-32602", '"input_required"')),
    ),
    spaces,
  )
  .map(([members, space]) => objectText(members, space));
const message = fc
  .tuple(
    membersArb(["jsonrpc", "id", "method", "result", "error"], fc.oneof(inner, valueJson)),
    spaces,
  )
  .map(([members, space]) => Buffer.from(objectText(members, space)));

type Scanned = Pick<
  AnswerScan,
  "kind" | "rpcCode" | "isToolError" | "isInputRequired" | "isWhole" | "isAmbiguous"
>;

function scanOf(chunks: readonly Buffer[]): Scanned & { readonly isAnswerTo1: boolean } {
  const scan = new AnswerScan();
  for (const chunk of chunks) scan.feed(chunk);
  const { kind, rpcCode, isToolError, isInputRequired, isWhole, isAmbiguous } = scan;
  return {
    kind,
    rpcCode,
    isToolError,
    isInputRequired,
    isWhole,
    isAmbiguous,
    isAnswerTo1: scan.answers("1"),
  };
}

describe("AnswerScan", () => {
  it("says of every valid message what a parser says", () => {
    fc.assert(
      fc.property(message, placesArb, (bytes, places) => {
        const value = parsed(bytes) as Record<string, unknown>;
        const of = (key: string): Record<string, unknown> =>
          (value[key] ?? {}) as Record<string, unknown>;
        const has = (key: string): boolean => Object.hasOwn(value, key);
        const kind = has("error") ? "error" : has("result") ? "result" : "other";
        const scanned = scanOf(cutAt(bytes, places));
        expect(scanned).toMatchObject({ kind, isWhole: true });
        expect(scanned.isAmbiguous).toBe(["method", "result", "error"].filter(has).length > 1);
        expect(scanned.isToolError).toBe(of("result")["isError"] === true);
        expect(scanned.isInputRequired).toBe(of("result")["resultType"] === "input_required");
        const id = value["id"];
        // An object is no id, so it is as good as none.
        const isUnread = kind === "error" && (id === undefined || typeof id === "object");
        // What is longer than the scan keeps, with six bytes for each escaped letter, counts as right.
        // Not String(id): an object may have a toString of its own.
        const mayBeCut = (typeof id === "string" ? id : JSON.stringify([id])).length >= 10;
        if (!mayBeCut) expect(scanned.isAnswerTo1).toBe(isUnread || id === 1);
      }),
      { numRuns: CASES.answerScan / 2 },
    );
  });

  it("reads broken bytes to their end, the same however they are cut", () => {
    fc.assert(
      fc.property(mutated(message), placesArb, (bytes, places) => {
        expect(scanOf(cutAt(bytes, places))).toEqual(scanOf([bytes]));
      }),
      { numRuns: CASES.answerScan / 2 },
    );
  });
});

const line = fc.oneof(
  {
    weight: 3,
    arbitrary: message.map(
      (bytes) => `data: ${bytes.toString("latin1").replaceAll(/[\r\n]/g, " ")}`,
    ),
  },
  fc.constantFrom(
    "",
    "",
    ":",
    "event: message",
    "event: ping",
    "id: 5",
    "id:\0",
    "retry: 10",
    "retry: x",
    "data",
    "datax: 1",
  ),
);
const stream = fc
  .array(fc.tuple(line, fc.constantFrom("\n", "\r\n", "\r")), { maxLength: 10 })
  .map((lines) => Buffer.from(lines.map((parts) => parts.join("")).join(""), "latin1"));

type Event = { readonly event: string; readonly id: string; readonly data: string };

/** The events of chunks, their data in Latin-1: one character for each byte. */
function eventsOf(chunks: readonly Buffer[]): Event[] {
  const parser = new SseParser(1_000_000);
  return chunks.flatMap((chunk) =>
    parser
      .feed(chunk)!
      .map(({ event, id, data }) => ({ event, id, data: data.toString("latin1") })),
  );
}

describe("SseParser", () => {
  it("finds the same events however broken bytes are cut, and those that another parser finds", () => {
    fc.assert(
      fc.property(mutated(stream), placesArb, (bytes, places) => {
        const events = eventsOf([bytes]);
        expect(eventsOf(cutAt(bytes, places))).toEqual(events);
        const expected: Omit<Event, "id">[] = [];
        const oracle = createParser({
          onEvent: ({ event = "message", data }) => {
            expected.push({ event: Buffer.from(event, "latin1").toString("utf8"), data });
          },
        });
        // The oracle takes one character a byte, and decides on a CR when it sees what follows.
        oracle.feed(`${bytes.toString("latin1")}:`);
        expect(events.map(({ event, data }) => ({ event, data }))).toEqual(expected);
      }),
      { numRuns: CASES.sseParser },
    );
  });
});

describe("SseGate", () => {
  it("loses no byte of any stream, and holds the end of the event that answers", () => {
    fc.assert(
      fc.property(mutated(stream), placesArb, (bytes, places) => {
        const { passed, held, isAnswered } = gated(cutAt(bytes, places));
        expect(Buffer.concat([passed, held]).equals(bytes)).toBe(true);
        expect(gated([bytes]).passed.equals(passed)).toBe(true);
        const answers = (seen: Buffer): number => eventsOf([seen]).filter(isAnswerTo1).length;
        expect(answers(passed)).toBe(0);
        expect(isAnswered).toBe(answers(bytes) > 0);
      }),
      { numRuns: CASES.sseGate },
    );
  });
});

function gated(chunks: readonly Buffer[]): { passed: Buffer; held: Buffer; isAnswered: boolean } {
  const gate = new SseGate("1");
  const passed: Buffer[] = [];
  const held: Buffer[] = [];
  for (const chunk of chunks) {
    const count = gate.isAnswered ? 0 : gate.feed(chunk);
    passed.push(chunk.subarray(0, count));
    held.push(chunk.subarray(count));
  }
  return { passed: Buffer.concat(passed), held: Buffer.concat(held), isAnswered: gate.isAnswered };
}

/** What a scan of the whole data says: the gate reads the same data line by line. */
function isAnswerTo1({ data }: Event): boolean {
  const { kind, isWhole, isAnswerTo1 } = scanOf([Buffer.from(data, "latin1")]);
  return isWhole && kind !== "other" && isAnswerTo1;
}
