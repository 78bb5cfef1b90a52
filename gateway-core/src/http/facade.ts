import { isUtf8 } from "node:buffer";
import { Operation } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import { jsonTextOf, type Member } from "../mcp/json-members.ts";
import { agentMembersOf, requireParams, type McpMessage } from "../mcp/message.ts";

/** How a path of the façade becomes an MCP method: members of the body and the params they are. */
type FacadeMethod = {
  readonly operation: Operation;
  /** Member that names the target. */
  readonly target: string | undefined;
  /** Members that are passed on, and the params they become. */
  readonly params: Readonly<Record<string, string>>;
};

const ROUNDS = { input_responses: "inputResponses", request_state: "requestState" } as const;
const LIST: FacadeMethod = {
  operation: Operation.UNSPECIFIED,
  target: undefined,
  params: { cursor: "cursor", _meta: "_meta" },
};

/** The specification's six paths below /v1/mcp/{server}/. */
export const FACADE_METHODS: ReadonlyMap<string, FacadeMethod> = new Map([
  [
    "tools/call",
    {
      operation: Operation.TOOLS_CALL,
      target: "tool",
      params: { tool: "name", arguments: "arguments", _meta: "_meta", ...ROUNDS },
    },
  ],
  ["tools/list", LIST],
  [
    "resources/read",
    {
      operation: Operation.RESOURCES_READ,
      target: "uri",
      params: { uri: "uri", _meta: "_meta", ...ROUNDS },
    },
  ],
  ["resources/list", LIST],
  [
    "prompts/get",
    {
      operation: Operation.PROMPTS_GET,
      target: "name",
      params: { name: "name", arguments: "arguments", _meta: "_meta", ...ROUNDS },
    },
  ],
  ["prompts/list", LIST],
]);

/** Members whose value must be a JSON object. */
const OBJECTS: ReadonlySet<string> = new Set(["arguments", "_meta", "input_responses"]);

/** Wrong members that an answer names. */
const DETAILS_MAX = 32;

/**
 * Reads a body of the façade.
 *
 * @param method path below the server, one of FACADE_METHODS
 * @returns the message, and the JSON-RPC request it is: values keep their bytes, big integers and all
 * @throws Failure NOT_FOUND, REQUEST_MALFORMED, REQUEST_INVALID
 */
export function readFacade(method: string, body: Buffer): { message: McpMessage; rpc: Buffer } {
  const facade = FACADE_METHODS.get(method);
  if (!facade) throw new Failure("NOT_FOUND", `There is no path ${method}.`);
  const json = body.length === 0 ? Buffer.from("{}") : body;
  const { values, members } = parseObject(json);
  const target = targetOf(facade, values);
  requireMembers(facade, values);
  const params = members.map(
    ({ key, start, end }) =>
      `${JSON.stringify(facade.params[key])}:${json.toString("utf8", start, end)}`,
  );
  const head = `{"jsonrpc":"2.0","id":0,"method":${JSON.stringify(method)},"params":`;
  const rpc = Buffer.from(`${head}{${params.join(",")}}}`);
  const renamed = Object.fromEntries<unknown>(
    Object.entries(values).map(([key, value]) => [facade.params[key] ?? key, value]),
  );
  requireParams(jsonTextOf(rpc), head.length, renamed);
  return {
    rpc,
    message: {
      kind: "request",
      idText: "0",
      method,
      target,
      operation: facade.operation,
      era: "modern",
      version: "",
      traceparent: undefined,
      params: renamed,
    },
  };
}

function targetOf(facade: FacadeMethod, values: Readonly<Record<string, unknown>>): string {
  if (facade.target === undefined) return "";
  const value = values[facade.target];
  if (typeof value !== "string" || value === "") {
    const message = "is required and must be text";
    throw new Failure("REQUEST_INVALID", `${facade.target}: ${message}`, {
      details: [{ field: facade.target, message }],
    });
  }
  return value;
}

/** Refuses members that would be dropped in silence, and values of the wrong kind. */
function requireMembers(facade: FacadeMethod, values: Readonly<Record<string, unknown>>): void {
  const wrong = Object.entries(values).flatMap(([field, value]) => {
    if (!Object.hasOwn(facade.params, field))
      return [{ field: field.slice(0, 64), message: "is not a member of this request" }];
    const isWrong =
      OBJECTS.has(field) && (typeof value !== "object" || value === null || Array.isArray(value));
    return isWrong ? [{ field, message: "must be a JSON object" }] : [];
  });
  if (wrong.length === 0) return;
  const details = wrong.slice(0, DETAILS_MAX);
  const text = details.map(({ field, message }) => `${JSON.stringify(field)} ${message}`);
  throw new Failure("REQUEST_INVALID", `${text.join("; ")}.`, { details });
}

function parseObject(json: Buffer): {
  readonly values: Readonly<Record<string, unknown>>;
  readonly members: readonly Member[];
} {
  let value: unknown;
  try {
    if (!isUtf8(json)) throw new Error("not UTF-8");
    value = JSON.parse(json.toString("utf8"));
  } catch {
    // The parser's own message quotes the body, which may hold secrets.
    throw new Failure("REQUEST_MALFORMED", "The body is not JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Failure("REQUEST_INVALID", "The body must be a JSON object.");
  const members = agentMembersOf(jsonTextOf(json));
  const seen = new Set<string>();
  for (const { key } of members) {
    if (seen.has(key))
      throw new Failure(
        "REQUEST_INVALID",
        `The member ${JSON.stringify(key.slice(0, 64))} stands in the body twice.`,
      );
    seen.add(key);
  }
  return { values: value as Record<string, unknown>, members };
}
