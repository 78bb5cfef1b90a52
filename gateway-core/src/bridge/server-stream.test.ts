import { describe, expect, it } from "@jest/globals";
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { createLogger } from "@gatewayops/platform/log";
import { ServerStream } from "./server-stream.ts";

/** Of a response, what a stream needs. */
class FakeResponse extends EventEmitter {
  headersSent = false;
  writableLength = 0;
  readonly written: string[] = [];
  isEnded = false;
  writeHead(): void {
    this.headersSent = true;
  }
  flushHeaders(): void {
    return;
  }
  write(chunk: Buffer): void {
    this.written.push(chunk.toString("utf8"));
  }
  end(): void {
    this.isEnded = true;
    this.emit("close");
  }
}

function createStream() {
  const lines: { messages?: number }[] = [];
  const log = createLogger({
    service: "test",
    level: "warn",
    format: "json",
    maskSensitive: false,
    write: (line) => lines.push(JSON.parse(line) as { messages?: number }),
  });
  const stream = new ServerStream("s", log);
  const open = () => {
    const response = new FakeResponse();
    return { response, isOpened: stream.open(response as unknown as ServerResponse) };
  };
  return { stream, lines, open };
}

const event = (data: string): string => `event: message\ndata: ${data}\n\n`;

describe("ServerStream", () => {
  it("sends what waited first, then what comes", () => {
    const { stream, open } = createStream();
    stream.push(Buffer.from("1"));
    stream.push(Buffer.from("2"));
    const { response } = open();
    stream.push(Buffer.from("3"));
    expect(response.written).toEqual([event("1"), event("2"), event("3")]);
  });

  it("is open once at a time", () => {
    const { open } = createStream();
    const { response } = open();
    expect(open().isOpened).toBe(false);
    response.end();
    expect(open().isOpened).toBe(true);
  });

  it("keeps 256 messages, drops the oldest, and says how many", () => {
    const { stream, open, lines } = createStream();
    for (let i = 0; i < 300; i++) stream.push(Buffer.from(String(i)));
    expect(lines).toEqual([]);
    const { response } = open();
    expect(response.written).toHaveLength(256);
    expect(response.written[0]).toBe(event("44"));
    expect(lines.map(({ messages }) => messages)).toEqual([44]);
  });

  it("keeps a megabyte", () => {
    const { stream, open } = createStream();
    for (const letter of ["a", "b", "c"]) stream.push(Buffer.from(letter.repeat(400 * 1024)));
    expect(open().response.written.map((text) => text[21])).toEqual(["b", "c"]);
  });

  it("says at its end what was dropped", () => {
    const { stream, lines } = createStream();
    for (let i = 0; i < 257; i++) stream.push(Buffer.from("x"));
    stream.close();
    expect(lines.map(({ messages }) => messages)).toEqual([1]);
  });

  it("cuts off a reader that lets too much wait", () => {
    const { stream, open } = createStream();
    const { response } = open();
    let isDestroyed = false;
    Object.assign(response, {
      writableLength: 64 * 1024 * 1024 + 1,
      destroy: () => {
        isDestroyed = true;
      },
    });
    stream.push(Buffer.from("x"));
    expect(isDestroyed).toBe(true);
    expect(response.written).toEqual([]);
  });
});
