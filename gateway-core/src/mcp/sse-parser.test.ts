import { describe, expect, it } from "@jest/globals";
import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { SseParser, type SseEvent } from "./sse-parser.ts";

type Seen = { event: string; id: string; retry: number | undefined; data: string };

/** The events of chunks fed one after the other; undefined when one was too large. */
function eventsOf(chunks: readonly Buffer[], maxBytes = 10_000): Seen[] | undefined {
  const parser = new SseParser(maxBytes);
  const events: SseEvent[] = [];
  for (const chunk of chunks) {
    const found = parser.feed(chunk);
    if (!found) return undefined;
    events.push(...found);
  }
  return events.map((event) => ({ ...event, data: event.data.toString("utf8") }));
}

const parse = (text: string): Seen[] | undefined => eventsOf([Buffer.from(text)]);
const dataOf = (text: string): string[] | undefined => parse(text)?.map(({ data }) => data);

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

const field = fc.constantFrom("data", "event", "id", "retry", "", "dat", "datax", "x");
const separator = fc.constantFrom(":", ": ", ":  ", "");
const value = fc.oneof(
  fc.constantFrom("", "5", "3000", "message", "é", " ", "a:b", "\0", "\ufeff"),
  fc.string({ maxLength: 8 }).map((text) => text.replaceAll(/[\r\n]/g, "")),
);
const lineBreak = fc.constantFrom("\n", "\r\n", "\r");
const line = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(field, separator, value).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: fc.constant("") },
);
const stream = fc
  .tuple(fc.boolean(), fc.array(fc.tuple(line, lineBreak), { maxLength: 20 }))
  .map(([mark, lines]) =>
    Buffer.from(`${mark ? "\ufeff" : ""}${lines.map(([text, end]) => text + end).join("")}`),
  );

describe("SseParser", () => {
  it("reads the examples of the standard", () => {
    expect(dataOf("data: YHOO\ndata: +2\ndata: 10\n\n")).toEqual(["YHOO\n+2\n10"]);
    expect(
      parse(
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
      ),
    ).toEqual([
      { event: "message", id: "1", retry: undefined, data: "first event" },
      { event: "message", id: "", retry: undefined, data: "second event" },
      { event: "message", id: "", retry: undefined, data: " third event" },
    ]);
    expect(dataOf("data\n\ndata\ndata\n\ndata:")).toEqual(["", "\n"]);
    expect(dataOf("data:test\n\ndata: test\n\n")).toEqual(["test", "test"]);
  });

  it("gives type, last id and reconnection time", () => {
    expect(parse("event: endpoint\nid: a\nretry: 1500\ndata: 1\n\nretry: 1x\ndata: 2\n\n")).toEqual(
      [
        { event: "endpoint", id: "a", retry: 1500, data: "1" },
        { event: "message", id: "a", retry: 1500, data: "2" },
      ],
    );
    expect(parse("event: a\nevent:\ndata:\n\n")?.map(({ event }) => event)).toEqual(["message"]);
  });

  it("remembers id and reconnection time of an event without data", () => {
    const parser = new SseParser(100);
    expect(parser.feed(Buffer.from("id: 7\nretry: 20\n"))).toEqual([]);
    expect(parser.lastEventId).toBe("");
    expect(parser.feed(Buffer.from("\n"))).toEqual([]);
    expect(parser).toMatchObject({ lastEventId: "7", retryMs: 20 });
  });

  it("ignores an id with NUL, field names in capitals and a second byte order mark", () => {
    expect(parse("id: a\0b\ndata: 1\n\n")?.[0]?.id).toBe("");
    expect(dataOf("Data: 1\n\n data: 2\n\n")).toEqual([]);
    expect(dataOf("\ufeffdata: 1\n\n\ufeffdata: 2\n\n")).toEqual(["1"]);
  });

  it("ends lines with LF, CR or CRLF, wherever the chunks are cut", () => {
    for (const lineEnding of ["\n", "\r", "\r\n"]) {
      const bytes = Buffer.from(["data: é", "data:2", "", "data: 3", "", ""].join(lineEnding));
      const bytewise = [...bytes].map((byte) => Buffer.of(byte));
      expect(eventsOf(bytewise)?.map(({ data }) => data)).toEqual(["é\n2", "3"]);
    }
  });

  it("passes data on byte for byte, be it no UTF-8", () => {
    const parser = new SseParser(100);
    const data = Buffer.from([0xff, 0x00, 0xc3]);
    const events = parser.feed(Buffer.concat([Buffer.from("data: "), data, Buffer.from("\n\n")]));
    expect(events?.[0]?.data).toEqual(data);
  });

  it("gives up an event that grows larger than it may be, however it is cut", () => {
    const fits = "data: 6789\n\n".repeat(3);
    expect(eventsOf([Buffer.from(fits)], 10)).toHaveLength(3);
    for (const large of [
      "data: 67890\n\n",
      "data:6\ndata:6789\n\n",
      ": 345678901\n",
      "x".repeat(11),
    ]) {
      const bytes = Buffer.from(large);
      expect(eventsOf([bytes], 10)).toBeUndefined();
      expect(
        eventsOf(
          [...bytes].map((byte) => Buffer.of(byte)),
          10,
        ),
      ).toBeUndefined();
    }
  });

  it("finds the same events however the stream is cut", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 8 }), (bytes, places) => {
        expect(eventsOf(cut(bytes, places))).toEqual(eventsOf([bytes]));
      }),
      { numRuns: 500 },
    );
  });

  it("finds the events that another parser finds", () => {
    fc.assert(
      fc.property(stream, (bytes) => {
        const expected: { event: string; data: string }[] = [];
        const oracle = createParser({
          onEvent: ({ event, data }) => {
            expected.push({
              event: event ?? "message",
              data: Buffer.from(data, "latin1").toString("utf8"),
            });
          },
        });
        // The oracle takes one character a byte, and decides on a CR when it sees what follows.
        oracle.feed(`${bytes.toString("latin1")}:`);
        expect(eventsOf([bytes])?.map(({ event, data }) => ({ event, data }))).toEqual(
          expected.map(({ event, data }) => ({
            event: Buffer.from(event, "latin1").toString("utf8"),
            data,
          })),
        );
      }),
      { numRuns: 1_000 },
    );
  });
});
