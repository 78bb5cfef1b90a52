import { Failure } from "@gatewayops/platform/errors";
import type { CallRequest } from "../upstream/server-call.ts";
import { CallCarrier } from "./call-carrier.ts";
import type { CarriedExchange } from "./carried-exchange.ts";
import { CAPABILITIES_META, CLIENT_INFO_META, LOG_LEVEL_META } from "./envelope.ts";
import { listEditOf } from "./list-edit.ts";
import type { Era } from "./message.ts";
import { metaOf, purposeOf, type ModernFace } from "./modern-face.ts";
import { isRepeatable } from "./safe-methods.ts";
import { transformedCall } from "./transformed-call.ts";

/**
 * Carries a call that says all of itself, as those of the modern era do.
 *
 * @param era the server's
 * @throws Failure REQUEST_INVALID, CALL_LOST when it goes on with a call that is not there
 */
export function callOfModern(exchange: CarriedExchange, era: Era, face: ModernFace): CallCarrier {
  const request = callRequestOf(exchange);
  const { requestState } = exchange.message.params;
  // A modern server keeps its own state in it, which is none of ours.
  if (requestState === undefined || era === "modern")
    return new CallCarrier({ exchange, era, request, face, edit: listEditOf(exchange) });
  const { stateSeal, parked } = exchange.context;
  const id =
    typeof requestState === "string"
      ? stateSeal.open(requestState, purposeOf(exchange))
      : undefined;
  if (id === undefined) throw invalidState();
  const call = parked.take(id);
  if (!call) throw lostCall();
  const carrier = new CallCarrier({ exchange, era, request, face, resumed: call.call });
  carrier.onStart = () => {
    face.resume(call, carrier);
  };
  return carrier;
}

function callRequestOf(exchange: CarriedExchange): CallRequest {
  const { message, upstream, principal, trace } = exchange;
  const meta = metaOf(exchange);
  const level = meta[LOG_LEVEL_META];
  const info = meta[CLIENT_INFO_META];
  return {
    upstream,
    method: message.method,
    message: transformedCall(upstream, message, exchange.rpcBody),
    target: message.target,
    isSafe: isRepeatable(upstream, message),
    owner: principal.keyIdText,
    capabilities: JSON.stringify(meta[CAPABILITIES_META] ?? {}),
    clientInfo: info === undefined ? undefined : JSON.stringify(info),
    logLevel: typeof level === "string" ? level : undefined,
    traceparent: trace?.traceparent ?? "",
  };
}

function invalidState(): Failure {
  return new Failure(
    "REQUEST_INVALID",
    "params.requestState: was not made for this request. Make the call again without it.",
  );
}

function lostCall(): Failure {
  return new Failure(
    "CALL_LOST",
    "The call that this answers is over, or the gateway process that held it is gone. The tool may have run; it was " +
      "not run again.",
  );
}
