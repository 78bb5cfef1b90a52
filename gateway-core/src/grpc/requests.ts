import { isUtf8 } from "node:buffer";
import type {
  Caller,
  CallToolRequest,
  CompleteRequest,
  GetPromptRequest,
  ReadResourceRequest,
} from "@gatewayops/proto/gatewayops/gateway/v1/gateway_service_pb";
import { invalidRequest } from "@gatewayops/platform/errors";
import { envelopeMeta } from "../mcp/envelope.ts";
import { jsonTextOf, membersOf } from "../mcp/json-members.ts";

// A request of GatewayService as the JSON-RPC request it stands for, of the modern era. JSON that the caller wrote keeps
// its bytes.

/** A page of tools/list, resources/list, resources/templates/list or prompts/list. */
export function listRpc(
  method: string,
  { cursor }: { readonly cursor?: string | undefined },
): Buffer {
  return rpc(method, cursor === undefined ? [] : [["cursor", JSON.stringify(cursor)]], []);
}

export function callToolRpc(request: CallToolRequest): Buffer {
  const { arguments: given } = request;
  const params: Members = [["name", JSON.stringify(required("name", request.name))]];
  if (given.case === "argumentsStruct") params.push(["arguments", JSON.stringify(given.value)]);
  if (given.case === "argumentsJson")
    params.push(["arguments", objectJson("arguments_json", given.value)]);
  // Who reads a stream hears of progress; how the token is called is nobody's business.
  return rpcOfCaller("tools/call", params, request.caller, [["progressToken", "0"]]);
}

export function readResourceRpc({ uri, caller }: ReadResourceRequest): Buffer {
  return rpcOfCaller("resources/read", [["uri", JSON.stringify(required("uri", uri))]], caller);
}

export function getPromptRpc({ name, arguments: given, caller }: GetPromptRequest): Buffer {
  const params: Members = [["name", JSON.stringify(required("name", name))]];
  if (Object.keys(given).length > 0) params.push(["arguments", JSON.stringify(given)]);
  return rpcOfCaller("prompts/get", params, caller);
}

export function completeRpc(request: CompleteRequest): Buffer {
  const { reference, argumentName, argumentValue, contextArguments } = request;
  if (reference.case === undefined)
    throw invalidRequest([{ field: "reference", message: "is required" }]);
  const ref =
    reference.case === "prompt"
      ? { type: "ref/prompt", name: reference.value }
      : { type: "ref/resource", uri: reference.value };
  const argument = { name: required("argument_name", argumentName), value: argumentValue };
  const params: Members = [
    ["ref", JSON.stringify(ref)],
    ["argument", JSON.stringify(argument)],
  ];
  if (Object.keys(contextArguments).length > 0)
    params.push(["context", JSON.stringify({ arguments: contextArguments })]);
  return rpc("completion/complete", params, []);
}

/** Names and their values as JSON. */
type Members = (readonly [string, string])[];

function rpcOfCaller(
  method: string,
  params: Members,
  caller: Caller | undefined,
  meta: Members = [],
): Buffer {
  if (!caller) return rpc(method, params, meta);
  const { capabilitiesJson, logLevel, metaJson, inputResponsesJson, requestState } = caller;
  const rounds: Members = [];
  if (inputResponsesJson.length > 0)
    rounds.push(["inputResponses", objectJson("caller.input_responses_json", inputResponsesJson)]);
  if (requestState !== undefined) rounds.push(["requestState", JSON.stringify(requestState)]);
  return rpc(
    method,
    [...params, ...rounds],
    [...meta, ...membersIn(metaJson)],
    capabilitiesJson.length === 0 ? "{}" : objectJson("caller.capabilities_json", capabilitiesJson),
    logLevel === "" ? undefined : logLevel,
  );
}

/** The members of `_meta` that the caller adds. One that stands there already is refused when the message is read. */
function membersIn(metaJson: Uint8Array): Members {
  if (metaJson.length === 0) return [];
  const meta = Buffer.from(objectJson("caller.meta_json", metaJson));
  return membersOf(jsonTextOf(meta)).map(({ key, start, end }) => [
    key,
    meta.toString("utf8", start, end),
  ]);
}

function rpc(
  method: string,
  params: Members,
  meta: Members,
  capabilities = "{}",
  logLevel?: string,
): Buffer {
  const envelope = envelopeMeta({ capabilities, clientInfo: undefined, logLevel });
  const all = [...params, ["_meta", jsonOf([...envelope, ...meta])] as const];
  return Buffer.from(
    `{"jsonrpc":"2.0","id":0,"method":${JSON.stringify(method)},"params":${jsonOf(all)}}`,
  );
}

function jsonOf(members: Members): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

function required(field: string, value: string): string {
  if (value === "") throw invalidRequest([{ field, message: "is required" }]);
  return value;
}

/** The text of a JSON object. Only one whole value passes, so that nothing beside it gets into the message. */
function objectJson(field: string, json: Uint8Array): string {
  const bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength);
  let value: unknown;
  try {
    value = isUtf8(bytes) ? JSON.parse(bytes.toString("utf8")) : undefined;
  } catch {
    value = undefined; // the parser's own message quotes the text, which may hold secrets
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalidRequest([{ field, message: "must be a JSON object in UTF-8" }]);
  return bytes.toString("utf8");
}
