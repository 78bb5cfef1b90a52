import { SUBSCRIPTION_META } from "../mcp/envelope.ts";
import { readServerMessage } from "../upstream/server-message.ts";
import { canonical } from "./remap.ts";

/**
 * What must be known of a message from a server to tell whose it is. Ids and tokens are JSON text, for they may be of
 * two types, and the same text for the same value.
 */
export type ChannelMessage = {
  readonly kind: "answer" | "request" | "notification";
  /** Empty for a notification. */
  readonly id: string;
  /** Empty for an answer. */
  readonly method: string;
  /** True for an answer that is an error. */
  readonly isError: boolean;
  /** `params.progressToken` of a notification. Empty for none. */
  readonly progressToken: string;
  /** `params._meta["io.modelcontextprotocol/subscriptionId"]` of a notification. Empty for none. */
  readonly subscription: string;
  /** `params.requestId` of a notification: the request it cancels. Empty for none. */
  readonly requestId: string;
};

type Params = {
  progressToken?: unknown;
  requestId?: unknown;
  _meta?: Record<string, unknown> | null;
} | null;

/** Undefined: it is no message. Servers that print to stdout by mistake are common, and the text is nobody's. */
export function readChannelMessage(bytes: Buffer): ChannelMessage | undefined {
  const message = readServerMessage(bytes);
  if (!message) return undefined;
  const { kind, idText, method, paramsText, resultText } = message;
  const isTold = kind === "notification" && paramsText !== "";
  const params = isTold ? (JSON.parse(paramsText) as Params) : null;
  return {
    kind,
    id: idText === "" ? "" : canonical(idText),
    method,
    isError: kind === "answer" && resultText === "",
    progressToken: jsonOf(params?.progressToken),
    subscription: jsonOf(params?._meta?.[SUBSCRIPTION_META]),
    requestId: jsonOf(params?.requestId),
  };
}

function jsonOf(value: unknown): string {
  return value === undefined ? "" : JSON.stringify(value);
}
