import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { SseGate } from "./sse-gate.ts";

type Passing = { passed: Buffer; held: Buffer; gate: SseGate };

/** Feeds chunks as the relay does: what follows the answer is held. */
function pass(chunks: readonly Uint8Array[]): Passing {
  const gate = new SseGate("");
  const passed: Buffer[] = [];
  const held: Buffer[] = [];
  for (const chunk of chunks) {
    const bytes = Buffer.from(chunk);
    const passable = gate.isAnswered ? 0 : gate.feed(bytes);
    passed.push(bytes.subarray(0, passable));
    held.push(bytes.subarray(passable));
  }
  return { passed: Buffer.concat(passed), held: Buffer.concat(held), gate };
}

const passText = (text: string): Passing => pass([Buffer.from(text)]);

/** The data of the events a client acts on, by the WHATWG HTML §9.2.6 algorithm: unfinished ones are dropped. */
function eventsSeen(stream: Buffer): string[] {
  const text = stream.toString("utf8").replace(/^\ufeff/, "");
  const events: string[] = [];
  let data: string[] = [];
  // A line ends with CRLF, LF or CR; what follows the last end is no line yet.
  for (const line of text.split(/\r\n|\n|\r/).slice(0, -1)) {
    if (line === "") {
      if (data.length > 0) events.push(data.join("\n"));
      data = [];
    } else if (line === "data" || line.startsWith("data:")) {
      data.push(line.slice(5).replace(/^ /, ""));
    }
  }
  return events;
}

const isAnswer = (data: string): boolean => {
  try {
    const value = JSON.parse(data) as Record<string, unknown>;
    return "result" in value || "error" in value;
  } catch {
    return false; // no message
  }
};

const answersSeen = (stream: Buffer): number => eventsSeen(stream).filter(isAnswer).length;

const RESULT = '{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":false}}';
const ERROR = '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"m"}}';
const PROGRESS = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}';
const REQUEST = '{"jsonrpc":"2.0","id":9,"method":"sampling/createMessage","params":{}}';

const lineBreak = fc.constantFrom("\n", "\r\n", "\r");
const otherLine = fc.constantFrom(
  ":",
  ": keep-alive",
  "event: message",
  "id: 5",
  "id",
  "retry: 3000",
  "dat",
  "datax: 1",
  "unknown: x",
  "data:",
);
/** The lines of an event that holds a message, which may be split over data lines between its tokens. */
const eventLines = (message: string) =>
  fc
    .tuple(fc.boolean(), fc.boolean(), fc.array(otherLine, { maxLength: 3 }))
    .map(([isSplit, hasSpace, others]) => {
      const prefix = hasSpace ? "data: " : "data:";
      const data = isSplit
        ? message.split(/(?<=,)(?=")/).map((part) => prefix + part)
        : [prefix + message];
      return [...others.slice(1), ...data, ...others.slice(0, 1)];
    });

const stream = fc
  .tuple(
    lineBreak,
    fc.array(
      fc.oneof(
        eventLines(PROGRESS),
        eventLines(REQUEST),
        fc.array(otherLine, { maxLength: 3 }),
        fc.constant([] as string[]),
      ),
      { maxLength: 4 },
    ),
    fc.constantFrom(RESULT, ERROR).chain((message) => eventLines(message)),
    fc.array(fc.oneof(eventLines(PROGRESS), eventLines(RESULT)), { maxLength: 2 }),
  )
  .map(([end, before, answer, after]) => ({
    answered: [...before, answer].map((lines) => [...lines, ""].join(end) + end).join(""),
    after: after.map((lines) => [...lines, ""].join(end) + end).join(""),
  }));

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

describe("SseGate", () => {
  it("holds the blank line that ends the answer's event, and passes all before it", () => {
    const { passed, held, gate } = passText(`event: message\ndata: ${RESULT}\n\n`);
    expect(passed.toString()).toBe(`event: message\ndata: ${RESULT}\n`);
    expect(held.toString()).toBe("\n");
    expect(gate.isAnswered).toBe(true);
    expect(gate.scan.kind).toBe("result");
  });

  it("loses and reorders no byte, and lets no client see the answer, whatever the stream and its chunks", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 8 }), ({ answered, after }, places) => {
        const bytes = Buffer.from(answered + after);
        const { passed, held, gate } = pass(cut(bytes, places));
        expect(Buffer.concat([passed, held]).equals(bytes)).toBe(true);
        expect(answersSeen(passed)).toBe(0);
        expect(gate.isAnswered).toBe(true);
        // Everything up to the answer's own blank line went through at once.
        expect(answersSeen(Buffer.concat([passed, held.subarray(0, 2)]))).toBeGreaterThan(0);
      }),
      { numRuns: 1_000 },
    );
  });

  it("cuts at the same place when bytes come one by one", () => {
    fc.assert(
      fc.property(stream, ({ answered, after }) => {
        const bytes = Buffer.from(answered + after);
        const whole = pass([bytes]);
        const single = pass([...bytes].map((byte) => Buffer.of(byte)));
        expect(single.passed.equals(whole.passed)).toBe(true);
      }),
    );
  });

  it("passes everything of a stream without an answer", () => {
    const text = `retry: 10\n\n: ping\n\ndata: ${PROGRESS}\n\nid: 1\ndata: ${REQUEST}\n\n`;
    const { passed, gate } = passText(text);
    expect(passed.toString()).toBe(text);
    expect(gate.isAnswered).toBe(false);
  });

  it("reports the error code and isError of the answer, not of what came before it", () => {
    expect(passText(`data: ${PROGRESS}\n\ndata: ${ERROR}\n\n`).gate.scan).toMatchObject({
      kind: "error",
      rpcCode: -32_602,
    });
    expect(passText('data: {"result":{"isError":true}}\n\n').gate.scan.isToolError).toBe(true);
  });

  it("takes an answer whose event never ends for none", () => {
    const { passed, gate } = passText(`data: ${RESULT}\n`);
    expect(gate.isAnswered).toBe(false);
    expect(eventsSeen(passed)).toEqual([]);
  });

  it("is between events only when nothing of an event has passed", () => {
    const gate = new SseGate("");
    expect(gate.isBetweenEvents).toBe(true);
    gate.feed(Buffer.from("event: m"));
    expect(gate.isBetweenEvents).toBe(false);
    gate.feed(Buffer.from(`essage\ndata: ${PROGRESS}\n`));
    expect(gate.isBetweenEvents).toBe(false);
    gate.feed(Buffer.from("\n"));
    expect(gate.isBetweenEvents).toBe(true);
  });

  it("sees the answer behind a byte order mark, which clients skip", () => {
    const { passed, gate } = passText(`\ufeffdata: ${RESULT}\n\n`);
    expect(gate.isAnswered).toBe(true);
    expect(answersSeen(passed)).toBe(0);
  });

  it("takes a blank line after CR LF for one line end, not for two", () => {
    const { passed, gate } = passText(`data: ${PROGRESS}\r\nid: 1\r\n`);
    expect(gate.isBetweenEvents).toBe(false);
    expect(eventsSeen(passed)).toEqual([]);
  });
});
