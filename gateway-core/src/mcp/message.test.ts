import { describe, expect, it } from "@jest/globals";
import { Operation } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import fc from "fast-check";
import { MessageError, readMessage, type McpMessage } from "./message.ts";

const read = (json: string): McpMessage => readMessage(Buffer.from(json));

/** The JSON-RPC code a body is refused with. */
function codeOf(body: string | Buffer): number {
  try {
    readMessage(Buffer.from(body));
  } catch (error) {
    if (error instanceof MessageError) return error.rpcCode;
    throw error;
  }
  throw new Error(`${body.toString().slice(0, 200)} was not refused`);
}

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const INVALID_PARAMS = -32602;

const call = (members: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}${members}}`;
const callWith = (params: string): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${params}}}`;

describe("readMessage", () => {
  it("reads a tool call of the legacy era", () => {
    expect(
      read(
        '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{}}}',
      ),
    ).toEqual({
      kind: "request",
      idText: "7",
      method: "tools/call",
      target: "echo",
      operation: Operation.TOOLS_CALL,
      era: "legacy",
      version: "",
      traceparent: undefined,
      params: { name: "echo", arguments: {} },
    });
  });

  it("tells the modern era by the envelope's version alone", () => {
    const withMeta = (meta: string): string =>
      `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":${meta}}}`;
    expect(
      read(
        withMeta(
          '{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}',
        ),
      ).era,
    ).toBe("modern");
    expect(read(withMeta('{"io.modelcontextprotocol/clientInfo":{}}')).era).toBe("legacy");
    expect(read(withMeta('{"io.modelcontextprotocol/protocolVersion":5}')).era).toBe("legacy");
    expect(read(withMeta("null")).era).toBe("legacy");
    expect(read(withMeta('"text"')).era).toBe("legacy");
  });

  it.each([
    "",
    ',"io.modelcontextprotocol/clientCapabilities":null',
    ',"io.modelcontextprotocol/clientCapabilities":[]',
  ])("refuses a modern request whose envelope names no client capabilities: %j", (capabilities) => {
    const meta = `{"io.modelcontextprotocol/protocolVersion":"2026-07-28"${capabilities}}`;
    // MCP 2026-07-28 basic §_meta: Invalid params.
    expect(codeOf(callWith(`"name":"a","_meta":${meta}`))).toBe(INVALID_PARAMS);
  });

  it("takes the trace from _meta", () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    expect(read(callWith(`"name":"a","_meta":{"traceparent":"${traceparent}"}`)).traceparent).toBe(
      traceparent,
    );
    expect(read(callWith('"name":"a","_meta":{"traceparent":1}')).traceparent).toBeUndefined();
  });

  it.each([
    ["tools/call", '"name":"t"', "t", Operation.TOOLS_CALL],
    ["prompts/get", '"name":"p"', "p", Operation.PROMPTS_GET],
    ["resources/read", '"uri":"file:///x"', "file:///x", Operation.RESOURCES_READ],
    ["completion/complete", '"ref":{}', "", Operation.COMPLETION_COMPLETE],
    ["tools/list", "", "", Operation.UNSPECIFIED],
    ["initialize", "", "", Operation.UNSPECIFIED],
    ["x/unknown", '"name":"t"', "", Operation.UNSPECIFIED],
  ])("knows what %s names and does", (method, params, target, operation) => {
    expect(
      read(`{"jsonrpc":"2.0","id":1,"method":"${method}","params":{${params}}}`),
    ).toMatchObject({ method, target, operation });
  });

  it("repeats ids as they stand in the bytes", () => {
    for (const id of [
      "0",
      "-7",
      "12345678901234567890123",
      "1.50",
      "1e2",
      '"abc"',
      '"\\u0061\\n\\"b"',
      '"日本"',
      '""',
    ])
      expect(read(`{"jsonrpc":"2.0","id": ${id} ,"method":"ping"}`).idText).toBe(id);
  });

  it("refuses ids that are neither text nor a number", () => {
    for (const id of ["null", "true", "{}", "[1]"])
      expect(codeOf(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`)).toBe(INVALID_REQUEST);
  });

  it("reads a message without id as a notification", () => {
    expect(
      read('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}'),
    ).toMatchObject({ kind: "notification", idText: "null", method: "notifications/cancelled" });
  });

  it("refuses a call without id: as a notification it would pass limits and intent, and a lax server might run it", () => {
    for (const [method, param] of [
      ["tools/call", '"name":"t"'],
      ["resources/read", '"uri":"u"'],
      ["prompts/get", '"name":"p"'],
    ])
      expect(codeOf(`{"jsonrpc":"2.0","method":"${method!}","params":{${param!}}}`)).toBe(
        INVALID_REQUEST,
      );
  });

  it("reads results and errors as responses", () => {
    expect(read('{"jsonrpc":"2.0","id":1,"result":{}}')).toMatchObject({
      kind: "response",
      idText: "1",
      method: "",
      operation: Operation.UNSPECIFIED,
    });
    expect(read('{"jsonrpc":"2.0","id":"a","error":{"code":1,"message":"m"}}').kind).toBe(
      "response",
    );
  });

  it("refuses what is no JSON-RPC 2.0 message, with the code that says why", () => {
    expect(codeOf("")).toBe(PARSE_ERROR);
    expect(codeOf("{")).toBe(PARSE_ERROR);
    expect(codeOf('{"jsonrpc":"2.0","id":1,"method":"ping"} x')).toBe(PARSE_ERROR);
    for (const body of [
      "1",
      "null",
      '"x"',
      "[]",
      '[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
      "{}",
      '{"jsonrpc":"2.0"}',
      '{"jsonrpc":"1.0","id":1,"method":"ping"}',
      '{"jsonrpc":2.0,"id":1,"method":"ping"}',
      '{"jsonrpc":"2.0","id":1,"method":5}',
      '{"jsonrpc":"2.0","id":1,"method":null}',
      '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}',
      '{"jsonrpc":"2.0","id":1,"method":"ping","params":null}',
      '{"jsonrpc":"2.0","id":1,"method":"ping","params":"x"}',
    ])
      expect(codeOf(body)).toBe(INVALID_REQUEST);
  });

  it("refuses bytes that are not UTF-8, which servers might read in different ways", () => {
    const body = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"?"}}');
    body[body.indexOf("?")] = 0xff;
    expect(codeOf(body)).toBe(PARSE_ERROR);
    expect(codeOf(Buffer.from('\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}'))).toBe(PARSE_ERROR);
  });

  it("refuses a call that names no target, or one that is not text", () => {
    for (const params of ["", '"name":5', '"name":null', '"name":["a"]'])
      expect(codeOf(callWith(params))).toBe(INVALID_PARAMS);
    expect(codeOf('{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{}}')).toBe(
      INVALID_PARAMS,
    );
    expect(codeOf('{"jsonrpc":"2.0","id":1,"method":"tools/call"}')).toBe(INVALID_PARAMS);
  });

  it("takes a method named like a member of every object for any other method", () => {
    for (const method of ["constructor", "toString", "__proto__"]) {
      const message = readMessage(
        Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: {} })),
      );
      expect(message).toMatchObject({ kind: "request", method, target: "" });
    }
  });

  it.each([
    ["jsonrpc", call(',"jsonrpc":"2.0"')],
    ["id", call(',"id":2')],
    ["method", call(',"method":"ping"')],
    ["params", call(',"params":{"name":"other"}')],
    ["name", callWith('"name":"a","name":"b"')],
    ["uri", callWith('"name":"a","uri":"a","uri":"b"')],
    ["arguments", callWith('"name":"a","arguments":{},"arguments":{}')],
    ["_meta", callWith('"name":"a","_meta":{},"_meta":{}')],
    ["ref", callWith('"name":"a","ref":{},"ref":{}')],
    ["ref.uri", callWith('"name":"a","ref":{"uri":"a","uri":"b"}')],
    [
      "resourceSubscriptions",
      callWith(
        '"name":"a","notifications":{"resourceSubscriptions":[],"resourceSubscriptions":[]}',
      ),
    ],
  ])("refuses the control member %s twice", (_, body) => {
    expect(codeOf(body)).toBe(INVALID_REQUEST);
  });

  it("refuses a control member twice that hides behind an escape", () => {
    expect(codeOf(call(',"m\\u0065thod":"ping"'))).toBe(INVALID_REQUEST);
    expect(codeOf(call(',"\\u0070\\u0061\\u0072\\u0061\\u006d\\u0073":{"name":"x"}'))).toBe(
      INVALID_REQUEST,
    );
    expect(codeOf(callWith('"n\\u0061me":"a","name":"b"'))).toBe(INVALID_REQUEST);
  });

  it("refuses a control member twice that differs in case, since some servers read keys in any case", () => {
    // Go's encoding/json takes the last of "method" and "Method", and folds U+017F to "s".
    expect(codeOf(call(',"Method":"ping"'))).toBe(INVALID_REQUEST);
    expect(codeOf(call(',"PARAMS":{"name":"other"}'))).toBe(INVALID_REQUEST);
    expect(codeOf(call(',"param\\u017f":{"name":"other"}'))).toBe(INVALID_REQUEST);
    expect(codeOf(callWith('"name":"a","Name":"b"'))).toBe(INVALID_REQUEST);
  });

  it("refuses the envelope's version twice, since it decides the era", () => {
    const version = '"io.modelcontextprotocol/protocolVersion"';
    expect(codeOf(callWith(`"name":"a","_meta":{${version}:"2026-07-28",${version}:5}`))).toBe(
      INVALID_REQUEST,
    );
  });

  it("lets other members stand twice, which are the server's business", () => {
    expect(read(callWith('"name":"a","arguments":{"name":1,"name":2},"x":1,"x":2')).target).toBe(
      "a",
    );
  });

  it("takes 512 levels of nesting and refuses more, a hundred thousand among them", () => {
    const nested = (levels: number): string =>
      callWith(`"name":"a","arguments":{"x":${"[".repeat(levels)}${"]".repeat(levels)}}`);
    // The params and the arguments are two of them.
    expect(read(nested(510)).target).toBe("a");
    expect(codeOf(nested(511))).toBe(INVALID_REQUEST);
    expect(codeOf(nested(100_000))).toBe(INVALID_REQUEST);
    expect(codeOf("[".repeat(100_000))).toBe(PARSE_ERROR);
  });

  it("never overlooks a name with escapes, though JSON.parse of V8 13.6 does after it has seen another", () => {
    const escaped = '"_met\\u0061":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}';
    for (let times = 0; times < 3; times++) JSON.parse('{"name":"a","_met\\\\":{}}');
    const body = callWith(`"name":"a",${escaped}`);
    let era: string;
    try {
      era = read(body).era;
    } catch {
      era = "refused";
    }
    expect(era).not.toBe("legacy");
  });

  it("reads any body, or refuses it with a MessageError and nothing else", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
          fc.json().map((json) => Buffer.from(json)),
          fc
            .jsonValue()
            .map((params) =>
              Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params })),
            ),
        ),
        (body) => {
          try {
            readMessage(body);
          } catch (error) {
            expect(error).toBeInstanceOf(MessageError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("never quotes the body in its refusals", () => {
    for (const body of ['{"secret-4711', '{"jsonrpc":"secret-4711"}', '["secret-4711"]']) {
      try {
        read(body);
      } catch (error) {
        expect((error as Error).message).not.toContain("4711");
      }
    }
  });
});
