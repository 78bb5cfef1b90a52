import { isUtf8 } from "node:buffer";
import { jsonTextOf, memberNamed, membersOf } from "../mcp/json-members.ts";
import { isSameId } from "../mcp/rpc-id.ts";

/** What must be known of a message from an MCP server to pass it on; the message itself stays bytes. */
export type ServerMessage = {
  readonly kind: "answer" | "request" | "notification";
  /** JSON of the id as it stands in the bytes; empty for none. */
  readonly idText: string;
  /** Empty for an answer. */
  readonly method: string;
  /** JSON of the params as it stands in the bytes; empty for none. */
  readonly paramsText: string;
  /** JSON of the result as it stands in the bytes; empty for none. */
  readonly resultText: string;
  /** The error's code; 0 for none. */
  readonly errorCode: number;
  readonly bytes: Buffer;
};

/** Members of which a message has one at most: of two, another parser may take the other. */
const CONTROL: ReadonlySet<string> = new Set([
  ...["jsonrpc", "id", "method", "params", "result", "error"],
]);

/**
 * Reads a message from a server.
 *
 * @returns undefined when it is no JSON-RPC message, or one that parsers may read differently: it says a control member
 *   twice, or a result beside an error or a method
 */
export function readServerMessage(bytes: Buffer): ServerMessage | undefined {
  if (!isUtf8(bytes)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined; // not JSON: the caller treats it as no message at all
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const message = value as Record<string, unknown>;
  const members = membersOf(jsonTextOf(bytes));
  const controls = members.filter(({ key }) => CONTROL.has(key));
  if (new Set(controls.map(({ key }) => key)).size < controls.length) return undefined;
  // JSON.parse of V8 13.6 mistakes some names with escapes (see `requireControls`).
  if (!controls.every(({ key }) => Object.hasOwn(message, key))) return undefined;
  const kinds = [message["method"], message["result"], message["error"]];
  if (kinds.filter((kind) => kind !== undefined).length > 1) return undefined;
  const textOf = (name: string): string => {
    const member = memberNamed(members, name);
    return member ? bytes.toString("utf8", member.start, member.end) : "";
  };
  const idText = textOf("id");
  const { method, error } = message;
  if (typeof method === "string")
    return {
      kind: idText === "" ? "notification" : "request",
      idText,
      method,
      paramsText: textOf("params"),
      resultText: "",
      errorCode: 0,
      bytes,
    };
  const resultText = textOf("result");
  if (resultText === "" && error === undefined) return undefined;
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return {
    kind: "answer",
    idText,
    method: "",
    paramsText: "",
    resultText,
    errorCode: error === undefined ? 0 : typeof code === "number" ? code : -32603,
    bytes,
  };
}

/**
 * True when an answer is that to the request of an id, or an error of a server that could not read the id (JSON-RPC
 * 2.0 §5).
 */
export function isAnswerTo({ idText, errorCode }: ServerMessage, requestIdText: string): boolean {
  if (errorCode !== 0 && (idText === "" || idText === "null")) return true;
  return isSameId(idText, requestIdText);
}
