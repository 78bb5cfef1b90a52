import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { startOwnRedis, type OwnRedis } from "../engine-redis.ts";
import { SERVER, startBench, toolCall, type Bench } from "../worker-bench.ts";
import { mutated } from "./json-text.ts";

const CASES = 10_000;
/** Milliseconds after which a connection that nobody answers counts as hung. */
const HUNG_MS = 10_000;

let engine: OwnRedis;
let bench: Bench;

beforeAll(async () => {
  engine = await startOwnRedis();
  bench = await startBench({
    redisUrl: engine.url,
    env: { GWO_RATE_LIMIT_ENABLED: "false", GWO_READ_TIMEOUT: "1s" },
  });
}, 120_000);

afterAll(async () => {
  await bench.close();
  await engine.stop();
});

const path = fc.constantFrom(
  ...[`/v1/mcp/${SERVER}`, `/v1/mcp/${SERVER}/tools/call`, `/v1/mcp/${SERVER}/prompts/list`],
  ...["/v1/mcp/", "/v1/mcp//tools/call", "/v1/mcp/%00", "/v1/nothing", "*", "//", "/v1/mcp/x?y#z"],
);
const body = fc.constantFrom(
  JSON.stringify(toolCall()),
  '{"tool":"echo","arguments":{}}',
  '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}',
  '{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}',
  "",
);
const header = fc.constantFrom(
  ...[
    "mcp-session-id: x",
    "mcp-protocol-version: 2026-07-28",
    "mcp-name: =?base64?!?=",
    "expect: 100-continue",
  ],
  ...[
    "traceparent: 00-0-0-00",
    "origin: null",
    "content-encoding: br",
    "transfer-encoding: chunked",
    "accept: a",
  ],
);
const request = fc
  .tuple(
    fc.constantFrom("POST", "GET", "DELETE", "OPTIONS", "PUT"),
    path,
    fc.array(header, { maxLength: 3 }),
    body,
  )
  .map(([method, target, headers, text]) => ({
    head: [
      `${method} ${target} HTTP/1.1`,
      ...["host: 127.0.0.1", "connection: close", "content-type: application/json"],
      ...[`content-length: ${Buffer.byteLength(text)}`, ...headers],
    ].join("\r\n"),
    text,
  }));

/** Sends bytes with the key, and reads what comes until the end; undefined when nothing ends. */
function exchanged(bytes: Buffer): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(bench.url).port), "127.0.0.1");
    let text = "";
    const timer = setTimeout(() => {
      socket.destroy();
      resolve(undefined);
    }, HUNG_MS);
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(text);
    });
    socket.end(bytes);
  });
}

describe("the listener", () => {
  it("answers whatever is sent in the shape of a face, without an error of its own and without hanging", async () => {
    const bytes = request.chain(({ head, text }) =>
      fc.oneof(
        mutated(fc.constant(Buffer.from(text))).map((changed) =>
          Buffer.concat([
            Buffer.from(
              `${head.replace(/content-length: \d+/, `content-length: ${changed.length}`)}\r\nauthorization: Bearer ${bench.key}\r\n\r\n`,
            ),
            changed,
          ]),
        ),
        mutated(
          fc.constant(Buffer.from(`${head}\r\nauthorization: Bearer ${bench.key}\r\n\r\n${text}`)),
        ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 20, maxLength: 20 }), async (some) => {
        for (const answer of await Promise.all(some.map(exchanged))) {
          expect(answer).toBeDefined();
          expectFaceShape(answer!);
        }
      }),
      { numRuns: CASES / 20 },
    );
    expect((await bench.post(toolCall())).status).toBe(200);
  }, 110_000);
});

/** Nothing, or answers of which each error says its reason in JSON. */
function expectFaceShape(text: string): void {
  // Bytes after a first request may make another answer; each begins with a status line.
  for (const answer of text.split(/(?=^HTTP\/1\.1 \d{3} )/m).filter((one) => one !== "")) {
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
    expect(status).not.toBe(500);
    if (status < 400) continue;
    const [head = "", document = ""] = answer.split("\r\n\r\n");
    expect(head.toLowerCase()).toContain("content-type: application/json");
    // Small answers are one chunk, whose size stands around them.
    const json = document.slice(document.indexOf("{"), document.lastIndexOf("}") + 1);
    const { error } = JSON.parse(json) as {
      error: { reason?: string; data?: { reason?: string } };
    };
    expect(error.reason ?? error.data?.reason).toMatch(/^[A-Z_]+$/);
  }
}
