import { jsonTextOf, memberNamed, membersOf } from "../mcp/json-members.ts";

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

/** Reads a message from a server, undefined when it is no JSON-RPC message. */
export function readServerMessage(bytes: Buffer): ServerMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined; // not JSON: the caller treats it as no message at all
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const message = value as Record<string, unknown>;
  const members = membersOf(jsonTextOf(bytes));
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

/** True for ids that are the same JSON value, however they are written. */
export function isSameId(one: string, other: string): boolean {
  return one === other || (one !== "" && other !== "" && JSON.parse(one) === JSON.parse(other));
}
