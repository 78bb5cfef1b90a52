import { Failure } from "@gatewayops/platform/errors";
import type { ServerMessage } from "../upstream/server-message.ts";
import type { CallCarrier, FaceAnswer } from "./call-carrier.ts";
import type { CarriedExchange } from "./carried-exchange.ts";
import type { Carrier } from "./carrier.ts";
import { isInputRequired } from "./legacy-face.ts";
import { callOfModern } from "./modern-call-carrier.ts";
import { ModernFace } from "./modern-face.ts";

/** The caller speaks no JSON-RPC: it is served like an agent of the modern era, but for how it is told of errors. */
export class PlainFace extends ModernFace {
  override onAnswer(message: ServerMessage, status: number, carrier: CallCarrier): FaceAnswer {
    if (message.errorCode === 0)
      return { status: 200, body: message.bytes, isRound: isInputRequired(message) };
    const failure = failureOf(message, carrier.request.upstream.name);
    return { status: failure.spec.http, body: message.bytes, isRound: false, failure };
  }
}

/** Carries the call of such a caller to a server of either era. */
export function carrierOfPlain(
  exchange: CarriedExchange,
  face: PlainFace,
): Carrier | Promise<Carrier> {
  const era = exchange.context.calls.eraOf(exchange.upstream);
  return era instanceof Promise
    ? era.then((found) => callOfModern(exchange, found, face))
    : callOfModern(exchange, era, face);
}

/** JSON-RPC errors in the table's reasons: bad arguments are the caller's, the rest is the server's. */
function failureOf({ bytes, errorCode }: ServerMessage, server: string): Failure {
  const { error } = JSON.parse(bytes.toString("utf8")) as { error?: { message?: unknown } | null };
  const text = typeof error?.message === "string" ? error.message : "";
  const said = `The MCP server ${server} answered: ${text.slice(0, 1_000)} (JSON-RPC code ${errorCode}).`;
  if (errorCode === -32602) return new Failure("REQUEST_INVALID", said);
  if (errorCode === -32601 || errorCode === -32002) return new Failure("NOT_FOUND", said);
  return new Failure("UPSTREAM_HTTP_ERROR", said);
}
