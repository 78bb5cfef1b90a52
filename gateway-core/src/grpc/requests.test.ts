import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ReadResourceRequestSchema,
} from "@gatewayops/proto/gatewayops/gateway/v1/gateway_service_pb";
import { Failure } from "@gatewayops/platform/errors";
import { readMessage } from "../mcp/message.ts";
import { callToolRpc, completeRpc, getPromptRpc, listRpc, readResourceRpc } from "./requests.ts";

const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
/** `_meta` of a request whose caller says nothing of itself (MCP 2026-07-28 basic §_meta). */
const BARE_META = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", [CAPABILITIES]: {} };

function sent(rpc: Buffer): { method: string; params: Record<string, unknown> } {
  return JSON.parse(rpc.toString("utf8")) as ReturnType<typeof sent>;
}

function callTool(request: MessageInitShape<typeof CallToolRequestSchema>): Buffer {
  return callToolRpc(create(CallToolRequestSchema, { name: "echo", ...request }));
}

function problemIn(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return `${error.reason} ${error.details[0]?.field ?? ""}`.trim();
    throw error;
  }
  return "none";
}

describe("requests of GatewayService as JSON-RPC", () => {
  it("are lists", () => {
    expect(sent(listRpc("tools/list", {}))).toEqual({
      jsonrpc: "2.0",
      id: 0,
      method: "tools/list",
      params: { _meta: BARE_META },
    });
    // The empty text is a cursor like any (MCP 2026-07-28 server/utilities/pagination).
    expect(sent(listRpc("tools/list", { cursor: "" })).params).toMatchObject({ cursor: "" });
  });

  it("are tool calls of the modern era that want progress", () => {
    const rpc = callTool({
      arguments: { case: "argumentsStruct", value: { text: 'a"b', list: [1, null] } },
    });
    expect(sent(rpc).params).toEqual({
      name: "echo",
      arguments: { text: 'a"b', list: [1, null] },
      _meta: { ...BARE_META, progressToken: 0 },
    });
    expect(readMessage(rpc)).toMatchObject({ era: "modern", target: "echo", idText: "0" });
  });

  it("carry arguments_json byte for byte", () => {
    const json = '{ "id":9007199254740993,\n"e":1e400 }';
    const rpc = callTool({ arguments: { case: "argumentsJson", value: Buffer.from(json) } });
    expect(rpc.toString("utf8")).toContain(`"arguments":${json},`);
  });

  it("carry what the caller says of itself, and its answers", () => {
    const rpc = callTool({
      caller: {
        capabilitiesJson: Buffer.from('{"elicitation":{}}'),
        logLevel: "warning",
        metaJson: Buffer.from('{"com.example/tag":[1]}'),
        inputResponsesJson: Buffer.from('{"key":{"action":"decline"}}'),
        requestState: "",
      },
    });
    expect(sent(rpc).params).toEqual({
      name: "echo",
      inputResponses: { key: { action: "decline" } },
      requestState: "",
      _meta: {
        ...BARE_META,
        [CAPABILITIES]: { elicitation: {} },
        "io.modelcontextprotocol/logLevel": "warning",
        progressToken: 0,
        "com.example/tag": [1],
      },
    });
  });

  it("are reads, prompts and completions", () => {
    const read = create(ReadResourceRequestSchema, { uri: "file:///a" });
    expect(sent(readResourceRpc(read))).toMatchObject({
      method: "resources/read",
      params: { uri: "file:///a" },
    });
    const prompt = create(GetPromptRequestSchema, { name: "p", arguments: { a: "1" } });
    expect(sent(getPromptRpc(prompt))).toMatchObject({
      method: "prompts/get",
      params: { name: "p", arguments: { a: "1" } },
    });
    const completion = create(CompleteRequestSchema, {
      reference: { case: "resource", value: "file:///{path}" },
      argumentName: "path",
      argumentValue: "do",
      contextArguments: { host: "a" },
    });
    expect(sent(completeRpc(completion))).toMatchObject({
      method: "completion/complete",
      params: {
        ref: { type: "ref/resource", uri: "file:///{path}" },
        argument: { name: "path", value: "do" },
        context: { arguments: { host: "a" } },
      },
    });
  });

  it.each([
    ["no tool", { name: "" }, "REQUEST_INVALID name"],
    ["arguments that are a list", json("[]"), "REQUEST_INVALID arguments_json"],
    ["arguments and more", json('{},"name":"rm"'), "REQUEST_INVALID arguments_json"],
    ["arguments that are cut off", json('{"a":'), "REQUEST_INVALID arguments_json"],
    ["no arguments", json(""), "REQUEST_INVALID arguments_json"],
    ["arguments in Latin-1", json('{"a":"\xfc"}'), "REQUEST_INVALID arguments_json"],
    ["broken meta", { caller: { metaJson: Buffer.from("1") } }, "REQUEST_INVALID caller.meta_json"],
  ] as const)("refuse %s", (_what, request, problem) => {
    expect(problemIn(() => callTool(request))).toBe(problem);
  });

  it.each(["progressToken", CAPABILITIES])("cannot say %s beside its field", (name) => {
    const metaJson = Buffer.from(JSON.stringify({ [name]: {} }));
    expect(problemIn(() => readMessage(callTool({ caller: { metaJson } })))).toBe(
      "REQUEST_MALFORMED",
    );
  });
});

/** A request whose arguments are bytes, one for each character. */
function json(text: string): MessageInitShape<typeof CallToolRequestSchema> {
  return { arguments: { case: "argumentsJson", value: Buffer.from(text, "latin1") } };
}
