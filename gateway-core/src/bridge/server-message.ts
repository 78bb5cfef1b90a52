import { SUBSCRIPTION_META } from "./remap.ts";

/** What the bridge must know of a message from a server. Ids and tokens are JSON text, for they may be of two types. */
export type ServerMessage = {
  readonly kind: "answer" | "request" | "notification";
  /** Empty for a notification. */
  readonly id: string;
  /** Empty for an answer. */
  readonly method: string;
  /** True for an answer that is an error. */
  readonly isError: boolean;
  /** `params.progressToken`. Empty for none. */
  readonly progressToken: string;
  /** `params._meta["io.modelcontextprotocol/subscriptionId"]`. Empty for none. */
  readonly subscription: string;
  /** `params.requestId`: the request that `notifications/cancelled` is about. Empty for none. */
  readonly requestId: string;
};

type Parsed = {
  id?: unknown;
  method?: unknown;
  error?: unknown;
  params?: { progressToken?: unknown; requestId?: unknown; _meta?: Record<string, unknown> };
};

/** Reads a message from a server. Undefined: it is none. Servers that print to stdout by mistake are common. */
export function readServerMessage(bytes: Buffer): ServerMessage | undefined {
  let parsed: Parsed | null;
  try {
    parsed = JSON.parse(bytes.toString("utf8")) as Parsed | null;
  } catch {
    return undefined; // no JSON: the text is nobody's
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { id, method, error, params } = parsed;
  if (id === undefined && typeof method !== "string") return undefined;
  const isRequest = typeof method === "string" && id !== undefined;
  return {
    kind: isRequest ? "request" : typeof method === "string" ? "notification" : "answer",
    id: jsonOf(id),
    method: typeof method === "string" ? method : "",
    isError: error !== undefined,
    progressToken: jsonOf(params?.progressToken),
    subscription: jsonOf(params?._meta?.[SUBSCRIPTION_META]),
    requestId: jsonOf(params?.requestId),
  };
}

function jsonOf(value: unknown): string {
  return value === undefined ? "" : JSON.stringify(value);
}
