import { Code } from "@connectrpc/connect";

/**
 * What a caller should do about a failure: change the request, prove who it is, ask for access, wait and retry,
 * retry at once, or tell an operator.
 */
export type Advice = "fix" | "authenticate" | "ask" | "wait" | "retry" | "report";

/** One row of the table that maps a reason to every face. */
export type ReasonSpec = {
  /** Number in call records. Never reused. */
  readonly number: number;
  /** Connect and gRPC code. */
  readonly code: Code;
  /** HTTP status. */
  readonly http: number;
  /** `error.code` of REST answers, from the specification's list. */
  readonly rest: string;
  /** What the caller should do. */
  readonly advice: Advice;
};

/** Every expected failure. `docs/errors.md` is held to this table by a test. */
export const REASONS = {
  REQUEST_INVALID: row(1, Code.InvalidArgument, 400, "validation_error", "fix"),
  REQUEST_MALFORMED: row(2, Code.InvalidArgument, 400, "bad_request", "fix"),
  BODY_TOO_LARGE: row(3, Code.ResourceExhausted, 413, "bad_request", "fix"),
  CONTENT_TYPE_UNSUPPORTED: row(4, Code.InvalidArgument, 415, "bad_request", "fix"),
  METHOD_NOT_ALLOWED: row(6, Code.Unimplemented, 405, "bad_request", "fix"),
  HEADERS_TOO_LARGE: row(7, Code.ResourceExhausted, 431, "bad_request", "fix"),
  REQUEST_TIMEOUT: row(8, Code.DeadlineExceeded, 408, "bad_request", "retry"),
  ORIGIN_FORBIDDEN: row(9, Code.PermissionDenied, 403, "forbidden", "ask"),
  HOST_FORBIDDEN: row(10, Code.PermissionDenied, 403, "forbidden", "ask"),
  CREDENTIALS_MISSING: row(20, Code.Unauthenticated, 401, "unauthorized", "authenticate"),
  KEY_INVALID: row(21, Code.Unauthenticated, 401, "invalid_token", "authenticate"),
  KEY_REVOKED: row(22, Code.Unauthenticated, 401, "invalid_token", "authenticate"),
  KEY_EXPIRED: row(23, Code.Unauthenticated, 401, "invalid_token", "authenticate"),
  SESSION_INVALID: row(24, Code.Unauthenticated, 401, "invalid_token", "authenticate"),
  SIGN_IN_FAILED: row(25, Code.Unauthenticated, 401, "unauthorized", "authenticate"),
  SIGN_IN_THROTTLED: row(26, Code.ResourceExhausted, 429, "rate_limited", "wait"),
  PERMISSION_DENIED: row(27, Code.PermissionDenied, 403, "insufficient_permissions", "ask"),
  AUTH_UNAVAILABLE: row(28, Code.Unavailable, 503, "internal_error", "wait"),
  KEY_SUSPENDED: row(29, Code.PermissionDenied, 403, "forbidden", "ask"),
  NOT_FOUND: row(40, Code.NotFound, 404, "not_found", "fix"),
  SERVER_UNKNOWN: row(41, Code.NotFound, 404, "not_found", "fix"),
  SERVER_DISABLED: row(42, Code.PermissionDenied, 403, "forbidden", "ask"),
  SCOPE_DENIED: row(43, Code.PermissionDenied, 403, "insufficient_permissions", "ask"),
  SESSION_UNKNOWN: row(44, Code.NotFound, 404, "not_found", "retry"),
  SESSION_REQUIRED: row(47, Code.FailedPrecondition, 400, "bad_request", "fix"),
  ALREADY_EXISTS: row(45, Code.AlreadyExists, 409, "validation_error", "fix"),
  CONFLICT: row(46, Code.Aborted, 409, "validation_error", "retry"),
  TOOL_DISABLED: row(48, Code.PermissionDenied, 403, "forbidden", "ask"),
  ARGUMENTS_INVALID: row(49, Code.InvalidArgument, 400, "validation_error", "fix"),
  QUOTA_REACHED: row(73, Code.ResourceExhausted, 409, "validation_error", "fix"),
  RATE_LIMITED: row(60, Code.ResourceExhausted, 429, "rate_limited", "wait"),
  OVERLOADED: row(61, Code.Unavailable, 503, "internal_error", "wait"),
  RECORD_UNAVAILABLE: row(62, Code.Unavailable, 503, "internal_error", "wait"),
  BUDGET_EXCEEDED: row(75, Code.ResourceExhausted, 403, "forbidden", "ask"),
  BUDGET_UNAVAILABLE: row(76, Code.Unavailable, 503, "internal_error", "wait"),
  STORE_UNAVAILABLE: row(63, Code.Unavailable, 503, "internal_error", "wait"),
  PRICE_RULES_TOO_MANY: row(64, Code.ResourceExhausted, 409, "validation_error", "fix"),
  UPSTREAM_UNREACHABLE: row(80, Code.Unavailable, 502, "upstream_error", "retry"),
  UPSTREAM_TIMEOUT: row(81, Code.DeadlineExceeded, 504, "timeout", "retry"),
  UPSTREAM_CLOSED: row(82, Code.Unavailable, 502, "upstream_error", "retry"),
  UPSTREAM_NOT_MCP: row(83, Code.Unavailable, 502, "upstream_error", "report"),
  UPSTREAM_CIRCUIT_OPEN: row(84, Code.Unavailable, 503, "upstream_error", "wait"),
  UPSTREAM_HTTP_ERROR: row(85, Code.Unavailable, 502, "upstream_error", "report"),
  UPSTREAM_TOO_LARGE: row(86, Code.ResourceExhausted, 502, "upstream_error", "report"),
  UPSTREAM_RPC_ERROR: row(87, Code.Unknown, 400, "validation_error", "fix"),
  TOOL_FAILED: row(88, Code.Unknown, 200, "upstream_error", "fix"),
  CLIENT_GONE: row(100, Code.Canceled, 499, "bad_request", "retry"),
  WORKER_LOST: row(101, Code.Unknown, 500, "internal_error", "report"),
  CLIENT_REFUSED: row(104, Code.Aborted, 400, "bad_request", "fix"),
  CALL_LOST: row(103, Code.Aborted, 410, "internal_error", "report"),
  METHOD_UNKNOWN: row(102, Code.Unimplemented, 404, "not_found", "fix"),
  INTERNAL: row(120, Code.Internal, 500, "internal_error", "report"),
} as const satisfies Record<string, ReasonSpec>;

/** The name of a reason. */
export type Reason = keyof typeof REASONS;

/** One thing wrong with a request. */
export type FieldProblem = { readonly field: string; readonly message: string };

/** What more is known of a failure. */
export type FailureOptions = {
  /** What is wrong with which field, for REQUEST_INVALID. */
  readonly details?: readonly FieldProblem[];
  /** How long to wait before another try, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Name of the bound that was reached, for the metrics. */
  readonly limit?: string;
  /** What led to it. Logged, never sent. */
  readonly cause?: unknown;
};

/**
 * The one class of expected failures. The message is read by callers: it says what is wrong and what to do next,
 * and holds no secret. Anything else that is thrown is a bug and is answered with INTERNAL and a fixed text.
 */
export class Failure extends Error {
  readonly reason: Reason;
  readonly details: readonly FieldProblem[];
  readonly retryAfterMs: number | undefined;
  readonly limit: string | undefined;

  constructor(reason: Reason, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.reason = reason;
    this.details = options.details ?? [];
    this.retryAfterMs = options.retryAfterMs;
    this.limit = options.limit;
  }

  get spec(): ReasonSpec {
    return REASONS[this.reason];
  }
}

/** The refusal of a request, in words that say what to change. */
export function invalidRequest(problems: readonly FieldProblem[]): Failure {
  const words = problems.map(({ field, message }) => `${field}: ${message}`).join("; ");
  return new Failure("REQUEST_INVALID", `${words}. Change this and send the request again.`, {
    details: problems,
  });
}

/** The failure to answer with for anything that was thrown. */
export function failureFrom(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure(
    "INTERNAL",
    "An internal error happened. It was logged under the request id.",
    {
      cause: error,
    },
  );
}

/** The reason with a number, as call records hold it. */
export function reasonByNumber(number: number): Reason | undefined {
  return REASON_BY_NUMBER.get(number);
}

const REASON_BY_NUMBER: ReadonlyMap<number, Reason> = new Map(
  (Object.keys(REASONS) as Reason[]).map((reason) => [REASONS[reason].number, reason]),
);

/** True when the text is the name of a reason. */
export function isReason(text: string): text is Reason {
  return Object.hasOwn(REASONS, text);
}

function row(number: number, code: Code, http: number, rest: string, advice: Advice): ReasonSpec {
  return { number, code, http, rest, advice };
}
