import type { ServerCall } from "../upstream/server-call.ts";
import type { ServerMessage } from "../upstream/server-message.ts";
import type { CallCarrier, CallFace, FaceAnswer } from "./call-carrier.ts";
import { CAPABILITY_MISSING, capabilityError, missingCapability } from "./askable.ts";
import { CAPABILITIES_META, inputResponsesOf, LOG_LEVEL_META, modernAnswer } from "./envelope.ts";
import { createOwnedId, type StatePurpose } from "./owned-ids.ts";
import type { CarriedExchange } from "./carried-exchange.ts";
import { ParkedCall } from "./parked-calls.ts";

/** Milliseconds for which more questions of the server are waited for, so that the agent gets them in one round. */
const GATHER_MS = 10;

/** Methods whose answer may ask for more (MCP 2026-07-28 patterns/mrtr §Supported Requests). */
const WITH_ROUNDS: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);

/** The agent speaks the modern era: it cannot be asked while it waits, so questions end its request. */
export class ModernFace implements CallFace {
  readonly endsWithClient = true;
  protected readonly exchange: CarriedExchange;
  readonly #wantsLogs: boolean;
  readonly #capabilities: Readonly<Record<string, unknown>>;
  /** What the server asked and the agent has not answered, by the key the agent answers under. */
  readonly #asked = new Map<string, ServerMessage>();
  #gathering: NodeJS.Timeout | undefined;
  #lastKey = 0;

  constructor(exchange: CarriedExchange) {
    this.exchange = exchange;
    const meta = metaOf(exchange);
    this.#wantsLogs = meta[LOG_LEVEL_META] !== undefined;
    this.#capabilities = (meta[CAPABILITIES_META] ?? {}) as Readonly<Record<string, unknown>>;
  }

  /** Log messages only for who asked (MCP 2026-07-28 server/utilities/logging); what concerns no request is not sent. */
  wants({ method }: ServerMessage): boolean {
    return (
      method === "notifications/progress" || (method === "notifications/message" && this.#wantsLogs)
    );
  }

  onRequest(message: ServerMessage, carrier: CallCarrier): void {
    const { call } = carrier;
    if (!call) return;
    const { method, idText } = this.exchange.message;
    if (!WITH_ROUNDS.has(method)) {
      call.respond(message.idText, NOT_HERE);
      return;
    }
    const missing = missingCapability(message.method, this.#capabilities);
    if (missing !== undefined) {
      const body = capabilityError(idText, missing);
      carrier.refuse({ status: 400, body, isRound: false }, CAPABILITY_MISSING);
      return;
    }
    let key: string;
    do key = `request-${++this.#lastKey}`;
    while (this.#asked.has(key));
    this.#asked.set(key, message);
    this.#gathering ??= setTimeout(() => {
      this.#park(carrier, call);
    }, GATHER_MS);
  }

  onAnswer(message: ServerMessage, status: number, carrier: CallCarrier): FaceAnswer {
    const { idText, method } = this.exchange.message;
    const serverInfo = carrier.call?.serverInfo ?? "";
    return {
      status: statusOf(message.errorCode, status),
      body: modernAnswer(message.bytes, { idText, method, serverInfo }),
      isRound: false,
    };
  }

  /** Goes on with a parked call: gives the server what the agent answered. */
  resume(parked: ParkedCall, carrier: CallCarrier): void {
    const given = inputResponsesOf(this.exchange.rpcBody);
    parked.call.continueFor(this.exchange.rpcBody);
    for (const [key, message] of parked.asked) {
      const result = given.get(key);
      // What is still missing is asked again (MCP 2026-07-28 patterns/mrtr §Error Handling).
      if (result === undefined) this.#asked.set(key, message);
      else parked.call.respond(message.idText, `"result":${result}`);
    }
    parked.resume(carrier);
    if (this.#asked.size > 0) this.#park(carrier, parked.call);
  }

  ended(): void {
    clearTimeout(this.#gathering);
  }

  #park(carrier: CallCarrier, call: ServerCall): void {
    // A question that came while the call was parked may have begun to gather before.
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    const { context, message, principal } = this.exchange;
    const id = createOwnedId(context.owner);
    const parked = new ParkedCall(call, this.#asked);
    try {
      context.parked.add(id, principal.keyIdText, parked);
    } catch (error) {
      carrier.fail(error);
      return;
    }
    call.listener = parked;
    const requests = [...this.#asked].map(
      ([key, { method, paramsText }]) =>
        `${JSON.stringify(key)}:{"method":${JSON.stringify(method)}${paramsText === "" ? "" : `,"params":${paramsText}`}}`,
    );
    const state = context.stateSeal.seal(id, purposeOf(this.exchange));
    const body =
      `{"jsonrpc":"2.0","id":${message.idText},"result":{"resultType":"input_required",` +
      `"inputRequests":{${requests.join(",")}},"requestState":${JSON.stringify(state)}}}`;
    carrier.park({ status: 200, body: Buffer.from(body), isRound: true });
  }
}

/** What a round's state is bound to. */
export function purposeOf({ principal, upstream, message }: CarriedExchange): StatePurpose {
  return {
    principal,
    serverId: upstream.idText,
    method: message.method,
    target: message.target,
    args: message.params["arguments"],
  };
}

const NOT_HERE =
  '"error":{"code":-32601,"message":"The client cannot be asked during this request."}';

/** HTTP statuses of errors (MCP 2026-07-28 basic §Error Codes); others are answers like any. */
function statusOf(errorCode: number, status: number): number {
  if (errorCode === 0) return 200;
  if (errorCode === -32601) return 404;
  if (errorCode <= -32020 && errorCode >= -32022) return 400;
  return status >= 400 && status < 500 && status !== 404 ? status : 200;
}

/** `params._meta` of a request; empty when it has none. */
export function metaOf({ message }: CarriedExchange): Readonly<Record<string, unknown>> {
  return (message.params["_meta"] ?? {}) as Readonly<Record<string, unknown>>;
}
