import { Code, ConnectError } from "@connectrpc/connect";

/** What went wrong, as a page shows it. */
export interface RpcFailure {
  readonly kind:
    | "unauthenticated"
    | "denied"
    | "not_found"
    | "rate_limited"
    | "unreachable"
    | "invalid"
    | "failed";
  /** A sentence for people. */
  readonly message: string;
  /** Request id to look the call up by. Absent when the answer carried none. */
  readonly requestId?: string;
  /** How long the server asks to wait. Absent when it does not say. */
  readonly retryAfterSeconds?: number;
}

/** Translates whatever a call threw. */
export function failureFrom(thrown: unknown): RpcFailure {
  const error = ConnectError.from(thrown);
  const kind = kindOf(error);
  const requestId = error.metadata.get("x-request-id");
  const retryAfterSeconds = Number.parseInt(error.metadata.get("retry-after") ?? "", 10);
  return {
    kind,
    message: messageOf(kind, error),
    ...(requestId === null || requestId === "" ? {} : { requestId }),
    ...(retryAfterSeconds > 0 ? { retryAfterSeconds } : {}),
  };
}

function kindOf(error: ConnectError): RpcFailure["kind"] {
  // fetch() rejects with a TypeError when no answer came: refused, reset, offline.
  if (error.cause instanceof TypeError) return "unreachable";
  switch (error.code) {
    case Code.Unauthenticated:
      return "unauthenticated";
    case Code.PermissionDenied:
      return "denied";
    case Code.NotFound:
      return "not_found";
    case Code.ResourceExhausted:
      return "rate_limited";
    case Code.Unavailable:
    case Code.DeadlineExceeded:
      return "unreachable";
    case Code.InvalidArgument:
    case Code.FailedPrecondition:
    case Code.AlreadyExists:
    case Code.OutOfRange:
      return "invalid";
    default:
      return "failed";
  }
}

function messageOf(kind: RpcFailure["kind"], error: ConnectError): string {
  switch (kind) {
    case "unreachable":
      return error.code === Code.DeadlineExceeded
        ? "GatewayOps did not answer in time."
        : "GatewayOps cannot be reached.";
    case "denied":
      return error.rawMessage || "Your role does not allow this.";
    default:
      return error.rawMessage || "The request failed without a message.";
  }
}
