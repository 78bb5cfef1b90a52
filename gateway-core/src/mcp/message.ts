import { isAscii, isUtf8 } from "node:buffer";
import { Operation } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import { CAPABILITIES_META, CLIENT_INFO_META, LOG_LEVEL_META, VERSION_META } from "./envelope.ts";
import {
  jsonTextOf,
  memberNamed,
  membersOf,
  TooDeepError,
  type JsonText,
  type Member,
} from "./json-members.ts";

/** Which of MCP's two shapes a message has: with sessions (to 2025-11-25) or stateless (since 2026-07-28). */
export type Era = "legacy" | "modern";

/** What the gateway must know of a JSON-RPC message from an agent. The bytes are forwarded as they came. */
export type McpMessage = {
  readonly kind: "request" | "notification" | "response";
  /** The id as it stands in the bytes, "null" where there is none: answers made here must repeat it exactly. */
  readonly idText: string;
  /** Empty for a response. */
  readonly method: string;
  /** Tool, prompt or URI that the method names. Empty where it names none. */
  readonly target: string;
  readonly operation: Operation;
  readonly era: Era;
  /** Revision that a modern message names in its envelope. Empty for legacy ones. */
  readonly version: string;
  /** `params._meta.traceparent`, which wins over the HTTP header (SEP-414). */
  readonly traceparent: string | undefined;
  /** The parsed params, to be read only: what is forwarded are the bytes. */
  readonly params: Readonly<Record<string, unknown>>;
};

/** A message that is no JSON-RPC or breaks its era's rules, with the code that JSON-RPC 2.0 §5.1 or MCP gives it. */
export class MessageError extends Failure {
  readonly rpcCode: number;
  /** Members of the error's `data` that MCP asks for. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The id as it stands in the bytes, where the message got that far. */
  idText = "null";
  /** True when the request was understood and this is its answer, which HTTP calls a success. */
  isAnswer = false;

  constructor(rpcCode: number, message: string, data: Readonly<Record<string, unknown>> = {}) {
    super("REQUEST_MALFORMED", message);
    this.rpcCode = rpcCode;
    this.data = data;
  }
}

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const INVALID_PARAMS = -32602;

/** Members that decide what is done. Twice in one message, we might authorize one and the server run the other. */
const CONTROL_MEMBERS = controlsOf(["jsonrpc", "id", "method", "params", "result", "error"]);
const CONTROL_PARAMS = controlsOf([
  "name",
  "uri",
  "arguments",
  "_meta",
  "requestState",
  "inputResponses",
  "ref",
  "notifications",
]);
const CONTROL_REF = controlsOf(["type", "name", "uri"]);
const CONTROL_NOTIFICATIONS = controlsOf(["resourceSubscriptions"]);
const CONTROL_META = controlsOf([
  VERSION_META,
  CAPABILITIES_META,
  CLIENT_INFO_META,
  LOG_LEVEL_META,
  "progressToken",
  "traceparent",
]);

const CONTROLS_WITHIN = [
  ["_meta", CONTROL_META],
  ["ref", CONTROL_REF],
  ["notifications", CONTROL_NOTIFICATIONS],
] as const;

const OPEN_BRACE = 0x7b;
/** Levels of an agent's JSON: what is written anew of it is written by a function that calls itself. */
const DEPTH_MAX = 512;

const TARGET_PARAM: ReadonlyMap<string, "name" | "uri"> = new Map([
  ["tools/call", "name"],
  ["prompts/get", "name"],
  ["resources/read", "uri"],
]);

const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ["tools/call", Operation.TOOLS_CALL],
  ["resources/read", Operation.RESOURCES_READ],
  ["prompts/get", Operation.PROMPTS_GET],
  ["completion/complete", Operation.COMPLETION_COMPLETE],
]);

/**
 * Reads a message from an agent.
 *
 * @throws MessageError when it is not one JSON-RPC 2.0 message, says a control member twice, or is a modern request
 *   that breaks a rule by itself
 */
export function readMessage(body: Buffer): McpMessage {
  if (!isUtf8(body)) throw new MessageError(PARSE_ERROR, "The body is not UTF-8.");
  const json = jsonTextOf(body);
  const value = parse(isAscii(body) ? json.text : body.toString("utf8"));
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new MessageError(
      INVALID_REQUEST,
      Array.isArray(value)
        ? "Batches are not part of MCP. Send one message per POST."
        : "The body must be one JSON-RPC object.",
    );
  const message = value as Record<string, unknown>;
  if (message["jsonrpc"] !== "2.0")
    throw new MessageError(INVALID_REQUEST, 'The member "jsonrpc" must be "2.0".');
  const members = agentMembersOf(json);
  requireControls(members, CONTROL_MEMBERS, message);
  const id = memberNamed(members, "id");
  const idText = id ? body.toString("utf8", id.start, id.end) : "null";
  try {
    return classify(json, message, members, idText);
  } catch (error) {
    if (error instanceof MessageError && isId(message["id"])) error.idText = idText;
    throw error;
  }
}

/**
 * The members of what an agent sent.
 *
 * @throws MessageError when it is nested too deep
 */
export function agentMembersOf(json: JsonText): Member[] {
  try {
    return membersOf(json, 0, DEPTH_MAX);
  } catch (error) {
    if (!(error instanceof TooDeepError)) throw error;
    throw new MessageError(
      INVALID_REQUEST,
      `The body may be nested ${DEPTH_MAX} levels deep at most.`,
    );
  }
}

function classify(
  json: JsonText,
  message: Record<string, unknown>,
  members: readonly Member[],
  idText: string,
): McpMessage {
  const { id, method, params } = message;
  if (method === undefined) return responseOf(message, idText);
  if (typeof method !== "string")
    throw new MessageError(INVALID_REQUEST, 'The member "method" must be text.');
  if (id !== undefined && !isId(id))
    throw new MessageError(INVALID_REQUEST, 'The member "id" must be text or a number.');
  const at = memberNamed(members, "params");
  if (at && (typeof params !== "object" || params === null || Array.isArray(params)))
    throw new MessageError(INVALID_REQUEST, 'The member "params" must be an object.');
  if (at) requireParams(json, at.start, params as Record<string, unknown>);
  return requestOf(
    method,
    (params ?? NO_PARAMS) as Record<string, unknown>,
    id === undefined ? "notification" : "request",
    idText,
  );
}

const NO_PARAMS: Readonly<Record<string, unknown>> = {};

/**
 * Holds the params of a message to what is asked of its control members.
 *
 * @param value the params as JSON.parse reads them
 * @throws MessageError
 */
export function requireParams(
  json: JsonText,
  paramsStart: number,
  value: Readonly<Record<string, unknown>>,
): void {
  const params = membersOf(json, paramsStart);
  requireControls(params, CONTROL_PARAMS, value);
  for (const [name, controls] of CONTROLS_WITHIN) {
    const inner = memberNamed(params, name);
    if (inner && json.bytes[inner.start] === OPEN_BRACE)
      requireControls(
        membersOf(json, inner.start),
        controls,
        value[name] as Readonly<Record<string, unknown>>,
      );
  }
}

function requestOf(
  method: string,
  params: Record<string, unknown>,
  kind: "request" | "notification",
  idText: string,
): McpMessage {
  const meta = params["_meta"] as Record<string, unknown> | null | undefined;
  // A call nobody answers would be one nobody limits, prices or records.
  const operation = OPERATIONS.get(method) ?? Operation.UNSPECIFIED;
  if (kind === "notification" && operation !== Operation.UNSPECIFIED)
    throw new MessageError(INVALID_REQUEST, `${method} is a request and needs an "id".`);
  const targetParam = TARGET_PARAM.get(method);
  const target = targetParam === undefined ? "" : params[targetParam];
  if (typeof target !== "string")
    throw new MessageError(INVALID_PARAMS, `"params.${targetParam ?? ""}" must be text.`);
  const traceparent = meta?.["traceparent"];
  const version = meta?.[VERSION_META];
  if (typeof version === "string" && kind === "request")
    requireCapabilities(meta?.[CAPABILITIES_META]);
  return {
    kind,
    idText,
    method,
    target,
    operation,
    era: typeof version === "string" ? "modern" : "legacy",
    version: typeof version === "string" ? version : "",
    traceparent: typeof traceparent === "string" ? traceparent : undefined,
    params,
  };
}

/** An envelope without it is none (MCP 2026-07-28 basic §_meta). */
function requireCapabilities(capabilities: unknown): void {
  if (typeof capabilities !== "object" || capabilities === null || Array.isArray(capabilities))
    throw new MessageError(
      INVALID_PARAMS,
      `"params._meta" must have "${CAPABILITIES_META}", an object.`,
    );
}

/** What stands for the message of a GET or DELETE. */
export const NO_MESSAGE: McpMessage = {
  kind: "notification",
  idText: "null",
  method: "",
  target: "",
  operation: Operation.UNSPECIFIED,
  era: "legacy",
  version: "",
  traceparent: undefined,
  params: NO_PARAMS,
};

function responseOf(message: Record<string, unknown>, idText: string): McpMessage {
  if (message["result"] === undefined && message["error"] === undefined)
    throw new MessageError(
      INVALID_REQUEST,
      'The message has neither "method" nor "result" nor "error".',
    );
  return { ...NO_MESSAGE, kind: "response", idText };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the body, which may hold secrets.
    throw new MessageError(PARSE_ERROR, "The body is not JSON.");
  }
}

function isId(id: unknown): boolean {
  return typeof id === "string" || typeof id === "number";
}

/** Names of members, each with a bit of its own, and their lengths. */
type Controls = {
  readonly bits: ReadonlyMap<string, number>;
  readonly lengths: ReadonlySet<number>;
};

function controlsOf(names: readonly string[]): Controls {
  return {
    bits: new Map(names.map((name, index) => [name, 1 << index])),
    lengths: new Set(names.map(({ length }) => length)),
  };
}

/**
 * Refuses control members that stand twice, or in letters that a parser which ignores case would take for them: such
 * a parser takes the last one, and runs what was not authorized. Refuses what JSON.parse reads differently, too: V8
 * 13.6 takes "nam\u0065" for "nam\\" where it has seen an object with that name there.
 */
function requireControls(
  members: readonly Member[],
  controls: Controls,
  value: Readonly<Record<string, unknown>>,
): void {
  let seen = 0;
  for (const { key } of members) {
    const bit = controls.bits.get(key);
    if (bit === undefined) {
      refuseLookalike(key, controls);
      continue;
    }
    if ((seen & bit) !== 0)
      throw new MessageError(INVALID_REQUEST, `The member "${key}" stands in the message twice.`);
    if (!Object.hasOwn(value, key))
      throw new MessageError(INVALID_REQUEST, `Write the member "${key}" without escapes.`);
    seen |= bit;
  }
}

function refuseLookalike(key: string, controls: Controls): void {
  // Folding leaves the length of all that folds to ASCII.
  if (!controls.lengths.has(key.length)) return;
  const folded = folds(key);
  if (controls.bits.has(folded))
    throw new MessageError(
      INVALID_REQUEST,
      `The member ${JSON.stringify(key)} is too like "${folded}". Write it as it is meant.`,
    );
}

/** Lower case, with the letters that Unicode folds to ASCII: the long s and the Kelvin sign. */
function folds(key: string): string {
  return key.toLowerCase().replaceAll("\u017f", "s").replaceAll("\u212a", "k");
}
