import { Code, ConnectError } from "@connectrpc/connect";
import { Failure } from "@gatewayops/platform/errors";
import { failureFromConnect, isPeerAway } from "@gatewayops/platform/rpc/errors";
import { Problem } from "../problem.ts";
import { whatToDo } from "../explain/advice.ts";

/** What a person must know of a call to a deployment that failed. Errors that are no calls' come back as they are. */
export function problemFromCall(
  error: unknown,
  asked: { readonly url: string; readonly keySource: string; readonly key: string },
): unknown {
  if (!(error instanceof ConnectError) && !(error instanceof Failure)) return error;
  if (isPeerAway(error))
    return new Problem(
      `${asked.url} does not answer: ${(error as ConnectError).rawMessage}`,
      "See whether it runs: gwo status. Start it: npm start, or gwo up --detach.",
      { cause: error },
    );
  const failure = failureFromConnect(error);
  const known = `${failure.message} (${failure.reason})`;
  if (failure.spec.code === Code.Unauthenticated)
    return new Problem(
      `${asked.url} did not accept the key ${shownKey(asked.key)} of ${asked.keySource}: ${known}`,
      "Give another key with --key or GWO_API_KEY, or none to use the stack that runs here.",
      { cause: error },
    );
  if (failure.spec.code === Code.PermissionDenied)
    return new Problem(
      known,
      `The key ${shownKey(asked.key)} of ${asked.keySource} may not do this. Use one that may; on this machine leave --key and GWO_API_KEY out to act as the admin.`,
      { cause: error },
    );
  const details = failure.details
    .map(({ field, message }) => `\n    ${field}: ${message}`)
    .join("");
  return new Problem(known + details, whatToDo(failure.reason), { cause: error });
}

/** Enough of a key to recognise it by. */
function shownKey(key: string): string {
  return key.length > 20 ? `${key.slice(0, 16)}…` : "(none)";
}
