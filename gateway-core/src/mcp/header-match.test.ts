import { describe, expect, it } from "@jest/globals";
import type { IncomingHttpHeaders } from "node:http";
import { requireMatchingHeaders } from "./header-match.ts";
import { MessageError, readMessage, type McpMessage } from "./message.ts";
import { rpcErrorBody } from "./rpc-error.ts";

const NO_VERSION = "";

const HEADERS = {
  "mcp-protocol-version": "2026-07-28",
  "mcp-method": "tools/call",
  "mcp-name": "echo",
};

describe("requireMatchingHeaders", () => {
  it("lets a modern request through whose headers say what its body says", () => {
    expect(refusalOf(call("echo"), HEADERS)).toBeUndefined();
  });

  it("lets legacy messages through, which have none of the headers", () => {
    expect(refusalOf(call("echo", NO_VERSION), {})).toBeUndefined();
    expect(
      refusalOf(call("echo", NO_VERSION), { "mcp-protocol-version": "2025-11-25" }),
    ).toBeUndefined();
  });

  it.each<[string, IncomingHttpHeaders]>([
    ["MCP-Protocol-Version", { ...HEADERS, "mcp-protocol-version": "2025-11-25" }],
    ["MCP-Protocol-Version", without("mcp-protocol-version")],
    ["Mcp-Method", { ...HEADERS, "mcp-method": "TOOLS/CALL" }],
    ["Mcp-Method", without("mcp-method")],
    ["Mcp-Name", { ...HEADERS, "mcp-name": "other" }],
    ["Mcp-Name", { ...HEADERS, "mcp-name": "Echo" }],
    ["Mcp-Name", without("mcp-name")],
  ])("refuses with -32020 where %s is not the body's", (header, headers) => {
    const refusal = refusalOf(call("echo"), headers);
    expect(refusal).toMatchObject({
      rpcCode: -32020,
      spec: { http: 400 },
      data: { mismatch: { header } },
    });
  });

  it("says both sides of a mismatch, cut where they are long", () => {
    expect(refusalOf(call("x".repeat(1_000)), HEADERS)?.data).toEqual({
      mismatch: { header: "Mcp-Name", given: "echo", body: "x".repeat(256) },
    });
    expect(refusalOf(call("echo"), without("mcp-name"))?.data).toEqual({
      mismatch: { header: "Mcp-Name", given: null, body: "echo" },
    });
  });

  it.each([
    // MCP 2026-07-28 streamable-http §Value Encoding; base64 of "Hello, 世界".
    ["Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?=", true],
    ["echo", "=?base64?ZWNobw==?=", true],
    ["echo", "=?BASE64?ZWNobw==?=", false],
    ["echo", "=?base64?ZWNobw?=", false],
    ["echo", "=?base64?ZWN!obw==?=", false],
    ["=?base64?ZWNobw==", "=?base64?ZWNobw==", true],
  ])("compares the name %j with the header %j: %j", (name, header, isSame) => {
    const refusal = refusalOf(call(name), { ...HEADERS, "mcp-name": header });
    expect(refusal?.rpcCode).toBe(isSame ? undefined : -32020);
  });

  it("refuses a revision that nobody knows, and says which are known", () => {
    const version = "2027-01-01";
    const refusal = refusalOf(call("echo", version), {
      ...HEADERS,
      "mcp-protocol-version": version,
    });
    expect(refusal).toMatchObject({
      rpcCode: -32022,
      spec: { http: 400 },
      data: { supported: ["2026-07-28"], requested: "2027-01-01" },
    });
    // What they do not agree on comes first: one of them may be a known one.
    expect(refusalOf(call("echo", version), HEADERS)?.rpcCode).toBe(-32020);
  });

  it("wants the envelope of a request whose header names a modern revision", () => {
    expect(refusalOf(call("echo", NO_VERSION), HEADERS)).toMatchObject({
      rpcCode: -32602,
      idText: "null",
      spec: { http: 400 },
    });
  });

  it("takes no responses under a modern revision, but notifications", () => {
    const headers = { "mcp-protocol-version": "2026-07-28" };
    expect(refusalOf('{"jsonrpc":"2.0","id":1,"result":{}}', headers)?.rpcCode).toBe(-32600);
    const notification = '{"jsonrpc":"2.0","method":"notifications/x"}';
    expect(refusalOf(notification, headers)).toBeUndefined();
  });
});

describe("rpcErrorBody", () => {
  it("carries what MCP wants in data, beside the reason and the request's id", () => {
    const refusal = refusalOf(call("echo", "v9"), { ...HEADERS, "mcp-protocol-version": "v9" });
    expect(JSON.parse(rpcErrorBody(refusal!, "1", "req_1"))).toEqual({
      jsonrpc: "2.0",
      id: null,
      error: {
        code: -32022,
        message: "This revision of MCP is not known here.",
        data: {
          supported: ["2026-07-28"],
          requested: "v9",
          reason: "REQUEST_MALFORMED",
          request_id: "req_1",
        },
      },
    });
  });
});

function refusalOf(body: string, headers: IncomingHttpHeaders): MessageError | undefined {
  const message: McpMessage = readMessage(Buffer.from(body));
  try {
    requireMatchingHeaders(message, headers);
    return undefined;
  } catch (error) {
    if (error instanceof MessageError) return error;
    throw error;
  }
}

function call(name: string, version = "2026-07-28"): string {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": version,
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const params = { name, arguments: {}, ...(version === NO_VERSION ? {} : { _meta: meta }) };
  return JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
}

function without(name: keyof typeof HEADERS): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(HEADERS).filter(([key]) => key !== name));
}
