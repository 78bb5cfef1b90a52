import { isUtf8 } from "node:buffer";
import { Operation } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import { jsonTextOf, membersOf } from "../mcp/json-members.ts";
import type { McpMessage } from "../mcp/message.ts";

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
  const values = parseObject(json);
  const target = targetOf(facade, values);
  requireMembers(facade, values);
  const params = membersOf(jsonTextOf(json)).map(
    ({ key, start, end }) =>
      `${JSON.stringify(facade.params[key])}:${json.toString("utf8", start, end)}`,
  );
  const rpc = `{"jsonrpc":"2.0","id":0,"method":${JSON.stringify(method)},"params":{${params.join(",")}}}`;
  return {
    rpc: Buffer.from(rpc),
    message: {
      kind: "request",
      idText: "0",
      method,
      target,
      operation: facade.operation,
      era: "modern",
      version: "",
      traceparent: undefined,
      params: Object.fromEntries<unknown>(
        Object.entries(values).map(([key, value]) => [facade.params[key] ?? key, value]),
      ),
    },
  };
}

function targetOf(facade: FacadeMethod, values: Record<string, unknown>): string {
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
function requireMembers(facade: FacadeMethod, values: Record<string, unknown>): void {
  const details = Object.entries(values).flatMap(([field, value]) => {
    if (!Object.hasOwn(facade.params, field))
      return [{ field, message: "is not a member of this request" }];
    const isWrong =
      OBJECTS.has(field) && (typeof value !== "object" || value === null || Array.isArray(value));
    return isWrong ? [{ field, message: "must be a JSON object" }] : [];
  });
  if (details.length === 0) return;
  const text = details.map(
    ({ field, message }) => `${JSON.stringify(field.slice(0, 64))} ${message}`,
  );
  throw new Failure("REQUEST_INVALID", `${text.join("; ")}.`, { details });
}

function parseObject(json: Buffer): Record<string, unknown> {
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
  const names = membersOf(jsonTextOf(json)).map((member) => member.key);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new Failure(
      "REQUEST_INVALID",
      `The member ${JSON.stringify(twice)} stands in the body twice.`,
    );
  return value as Record<string, unknown>;
}
