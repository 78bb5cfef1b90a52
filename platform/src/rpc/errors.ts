import { Code, ConnectError } from "@connectrpc/connect";
import { Failure, failureFrom, isReason, type FieldProblem } from "../errors.ts";

/** Metadata that carries what a Connect code cannot: the reason, what is wrong with which field, when to retry. */
const REASON_HEADER = "x-gwo-reason";
const DETAILS_HEADER = "x-gwo-details";
const RETRY_HEADER = "retry-after";

/** The Connect error that carries a failure. */
export function connectErrorFrom(failure: Failure): ConnectError {
  const error = new ConnectError(failure.message, failure.spec.code);
  error.metadata.set(REASON_HEADER, failure.reason);
  if (failure.details.length > 0)
    error.metadata.set(DETAILS_HEADER, encodeURIComponent(JSON.stringify(failure.details)));
  if (failure.retryAfterMs !== undefined)
    error.metadata.set(RETRY_HEADER, String(Math.ceil(failure.retryAfterMs / 1000)));
  return error;
}

/** The failure that `connectErrorFrom` put into an error; one made of the code when it came from elsewhere. */
export function failureFromConnect(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (!(error instanceof ConnectError)) return failureFrom(error);
  const reason = error.metadata.get(REASON_HEADER);
  if (reason !== null && isReason(reason)) {
    const retryAfter = Number(error.metadata.get(RETRY_HEADER) ?? Number.NaN);
    return new Failure(reason, error.rawMessage, {
      details: detailsFrom(error.metadata.get(DETAILS_HEADER)),
      ...(Number.isFinite(retryAfter) ? { retryAfterMs: retryAfter * 1000 } : {}),
    });
  }
  if (error.code === Code.InvalidArgument) return new Failure("REQUEST_INVALID", error.rawMessage);
  if (error.code === Code.Unimplemented) return new Failure("METHOD_UNKNOWN", error.rawMessage);
  if (error.code === Code.ResourceExhausted) return new Failure("BODY_TOO_LARGE", error.rawMessage);
  return failureFrom(error);
}

/** True when the peer could not be asked at all: refused, unreachable, or out of time. */
export function isPeerAway(error: unknown): boolean {
  return (
    error instanceof ConnectError &&
    error.metadata.get(REASON_HEADER) === null &&
    (error.code === Code.Unavailable ||
      error.code === Code.DeadlineExceeded ||
      error.code === Code.Internal ||
      error.code === Code.Unknown ||
      error.code === Code.Aborted ||
      error.code === Code.Canceled)
  );
}

function detailsFrom(header: string | null): FieldProblem[] {
  return header === null ? [] : (JSON.parse(decodeURIComponent(header)) as FieldProblem[]);
}
