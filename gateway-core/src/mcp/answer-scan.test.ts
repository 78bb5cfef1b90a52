import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { AnswerScan, type AnswerKind } from "./answer-scan.ts";

type Verdict = { kind: AnswerKind; rpcCode: number; isToolError: boolean; isWhole: boolean };

function scanOf(chunks: readonly Uint8Array[]): Verdict {
  const scan = new AnswerScan();
  for (const chunk of chunks) scan.feed(Buffer.from(chunk));
  const { kind, rpcCode, isToolError, isWhole } = scan;
  return { kind, rpcCode, isToolError, isWhole };
}

const scanText = (json: string): Verdict => scanOf([Buffer.from(json)]);

/** What a parser says of the same message. */
function oracle(json: string): Omit<Verdict, "isWhole"> {
  const value = JSON.parse(json) as Record<string, unknown>;
  const has = (key: string): boolean => Object.hasOwn(value, key);
  const inner = (key: string): Record<string, unknown> =>
    typeof value[key] === "object" && value[key] !== null
      ? (value[key] as Record<string, unknown>)
      : {};
  const code = inner("error")["code"];
  return {
    kind: has("error") ? "error" : has("result") ? "result" : "other",
    rpcCode: typeof code === "number" ? code : 0,
    isToolError: inner("result")["isError"] === true,
  };
}

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

const key = fc.oneof(
  fc.constantFrom("isError", "code", "result", "error", "content", "", "message", "data"),
  fc.string(),
);
const innerValue = fc.oneof(
  fc.constantFrom(true, false, null, 0, -32_601, 1.5, -32602, "true", "", '"isError":true', "\\"),
  fc.jsonValue({ maxDepth: 3 }),
);
const innerObject = fc.dictionary(key, innerValue, { maxKeys: 5 });
const message = fc
  .uniqueArray(
    fc.tuple(
      fc.oneof(
        fc.constantFrom("jsonrpc", "id", "method", "params", "result", "error"),
        fc.string(),
      ),
      fc.oneof(innerObject, fc.array(innerValue, { maxLength: 3 }), innerValue),
    ),
    { selector: ([name]) => name, maxLength: 5 },
  )
  .map((members) => Object.fromEntries(members));

describe("AnswerScan", () => {
  it("knows results, tool errors and JSON-RPC errors", () => {
    expect(scanText('{"jsonrpc":"2.0","id":1,"result":{"content":[]}}')).toEqual({
      kind: "result",
      rpcCode: 0,
      isToolError: false,
      isWhole: true,
    });
    expect(
      scanText('{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":true}}'),
    ).toMatchObject({ kind: "result", isToolError: true });
    expect(
      scanText('{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"m"}}'),
    ).toMatchObject({ kind: "error", rpcCode: -32_601 });
  });

  it("takes notifications and requests of the server for no answer", () => {
    for (const json of [
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"result":{"isError":true}}}',
      '{"jsonrpc":"2.0","id":1,"method":"ping"}',
      '{"jsonrpc":"2.0","method":"x","params":{"error":{"code":-1}}}',
    ])
      expect(scanText(json)).toEqual({
        kind: "other",
        rpcCode: 0,
        isToolError: false,
        isWhole: true,
      });
  });

  it("looks at isError of the result only, not at one inside its content", () => {
    expect(
      scanText('{"result":{"content":[{"isError":true}],"x":{"isError":true}}}'),
    ).toMatchObject({ kind: "result", isToolError: false });
    expect(scanText('{"isError":true,"result":{}}')).toMatchObject({ isToolError: false });
  });

  it("agrees with a parser on any message, cut into any chunks", () => {
    fc.assert(
      fc.property(
        message,
        fc.array(fc.nat(), { maxLength: 6 }),
        fc.constantFrom<string | number | undefined>(undefined, 2, "\t"),
        (value, places, indent) => {
          const json = JSON.stringify(value, undefined, indent);
          expect(scanOf(cut(Buffer.from(json), places))).toEqual({
            ...oracle(json),
            isWhole: true,
          });
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("reads the same cut at every single byte as in one piece", () => {
    const json = `{"a\\"b\\\\":"\\\\\\"","result": {"x" : "\\\\", "isError" : true , "y":[1,{"isError":false}]}}`;
    const bytes = Buffer.from(json);
    const whole = scanOf([bytes]);
    expect(whole).toMatchObject({ kind: "result", isToolError: true, isWhole: true });
    expect(scanOf([...bytes].map((byte) => Buffer.of(byte)))).toEqual(whole);
    for (let at = 0; at <= bytes.length; at++)
      expect(scanOf([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
  });

  it("sees keys that hide behind escapes, however many", () => {
    expect(scanText('{"r\\u0065sult":{"is\\u0045rror":true}}')).toMatchObject({
      kind: "result",
      isToolError: true,
    });
    const all = (text: string): string =>
      text.replace(/./g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
    expect(scanText(`{"${all("result")}":{"${all("isError")}":true}}`)).toMatchObject({
      kind: "result",
      isToolError: true,
    });
    expect(scanText(`{"${all("error")}":{"${all("code")}":-32602}}`)).toMatchObject({
      kind: "error",
      rpcCode: -32_602,
    });
  });

  it("takes no longer key for a shorter one", () => {
    expect(scanText('{"result\\u0073":{}}').kind).toBe("other");
    expect(scanText(`{"error":{"\\u0063\\u006f\\u0064\\u0065x":5}}`).rpcCode).toBe(0);
    expect(scanText(`{"${"result".padEnd(40, " ")}":{}}`).kind).toBe("other");
  });

  it("finds isError behind a member without a name", () => {
    expect(scanText('{"result":{"":1,"isError":true}}')).toMatchObject({ isToolError: true });
  });

  it("takes a list of messages for no answer, since batches are not part of MCP", () => {
    expect(scanText('[{"result":{}}]').kind).toBe("other");
    expect(scanText('["x","result"]').kind).toBe("other");
  });

  it("is not whole before the last bracket", () => {
    const json = '{"result":{"a":["}"]}}';
    for (let length = 0; length < json.length; length++)
      expect(scanText(json.slice(0, length)).isWhole).toBe(false);
    expect(scanText(json).isWhole).toBe(true);
  });

  it("begins anew after a reset, even in the middle of a string", () => {
    const scan = new AnswerScan();
    scan.feed(Buffer.from('{"error":{"code":5,"x":"\\'));
    scan.reset();
    scan.feed(Buffer.from('{"result":{"isError":false}}'));
    expect(scan).toMatchObject({ kind: "result", rpcCode: 0, isToolError: false, isWhole: true });
  });

  it("keeps a few bytes of a string of any length", () => {
    const scan = new AnswerScan();
    scan.feed(Buffer.from('{"result":{"content":[{"text":"'));
    for (let i = 0; i < 64; i++) scan.feed(Buffer.alloc(1024 * 1024, 0x5c));
    scan.feed(Buffer.from('"}],"isError":true}}'));
    expect(scan).toMatchObject({ isToolError: true, isWhole: true });
  });
});
