import { Failure } from "@gatewayops/platform/errors";
import type { CallRequest } from "../upstream/server-call.ts";
import type { ServerMessage } from "../upstream/server-message.ts";
import type { CallCarrier, CallFace, FaceAnswer } from "./call-carrier.ts";
import { missingCapability } from "./askable.ts";
import { changedRequest, withId } from "./envelope.ts";
import { jsonTextOf, memberText, membersOf } from "./json-members.ts";
import { memberFrom, objectFrom } from "./json-object.ts";
import type { McpExchange } from "./mcp-exchange.ts";

/** Rounds of one call: a server that always wants more is stopped. */
const ROUNDS_MAX = 32;
/** What it may ask in one round. */
const ASKED_MAX = 64;

/**
 * The agent speaks the legacy era: what the server wants of it is asked on the stream of its request, and its answer
 * comes by another POST.
 */
export class LegacyFace implements CallFace {
  /** A lost connection is no cancellation (MCP 2025-11-25 transports §Sending Messages). */
  readonly endsWithClient = false;
  readonly #exchange: McpExchange;
  /** Id of the agent's session. */
  readonly #session: string;
  readonly #abort = new AbortController();
  readonly #forget: () => void;
  #cancel: (() => void) | undefined;
  #rounds = 0;

  constructor(exchange: McpExchange, session: string) {
    this.#exchange = exchange;
    this.#session = session;
    this.#forget = exchange.context.running.add(session, exchange.message.idText, () => {
      this.#cancel?.();
    });
    // Nobody is left who could answer.
    exchange.response.on("close", () => {
      this.#abort.abort();
    });
  }

  ended(): void {
    this.#forget();
  }

  /** Notes whose call it is, for the agent to cancel it. */
  attach(carrier: CallCarrier): void {
    this.#cancel = () => {
      carrier.cancel("by notifications/cancelled");
    };
  }

  wants({ method }: ServerMessage): boolean {
    return method === "notifications/progress" || method === "notifications/message";
  }

  onRequest(message: ServerMessage, carrier: CallCarrier): void {
    const { call } = carrier;
    this.#ask(message.method, message.paramsText, carrier).then(
      (answer) => {
        const outcome =
          "result" in answer ? `"result":${answer.result}` : `"error":${answer.error}`;
        call?.respond(message.idText, outcome);
      },
      (error: unknown) => {
        carrier.fail(error);
      },
    );
  }

  onAnswer(message: ServerMessage, status: number, carrier: CallCarrier): FaceAnswer | undefined {
    if (isInputRequired(message)) {
      this.#nextRound(message, carrier).catch((error: unknown) => {
        carrier.fail(error);
      });
      return undefined;
    }
    return {
      // Errors of the modern era come with statuses that mean something else in this one: 404 is a lost session.
      status: message.errorCode === 0 || status === 404 ? 200 : status,
      body: withId(message.bytes, this.#exchange.message.idText),
      isRound: false,
    };
  }

  /** Asks the agent for all that the server wants, and makes the call again with its answers. */
  async #nextRound(message: ServerMessage, carrier: CallCarrier): Promise<void> {
    if (++this.#rounds > ROUNDS_MAX) throw this.#badRound(`for more than ${ROUNDS_MAX} times`);
    const result = Buffer.from(message.resultText);
    const text = memberText(result, "inputRequests");
    const requests = Buffer.from(text.startsWith("{") ? text : "{}");
    const wanted = membersOf(jsonTextOf(requests)).map(({ key, start, end }) => {
      const request = requests.subarray(start, end);
      const { method } = objectFrom(request.toString("utf8"));
      if (typeof method !== "string") throw this.#badRound("something that has no method");
      return { key, method, params: memberText(request, "params") };
    });
    if (wanted.length > ASKED_MAX)
      throw this.#badRound(`for more than ${ASKED_MAX} things at once`);
    const answers = await Promise.all(
      wanted.map(async ({ key, method, params }) => {
        const answer = await this.#ask(method, params, carrier);
        if ("error" in answer) throw refused(answer.error);
        return `${JSON.stringify(key)}:${answer.result}`;
      }),
    );
    const setParams = new Map([["inputResponses", `{${answers.join(",")}}`]]);
    const state = memberText(result, "requestState");
    if (state !== "") setParams.set("requestState", state);
    carrier.startCall({
      ...carrier.request,
      message: changedRequest(carrier.request.message, { setParams }),
    } satisfies CallRequest);
  }

  #badRound(what: string): Failure {
    return new Failure(
      "UPSTREAM_NOT_MCP",
      `The MCP server ${this.#exchange.upstream.name} asked the agent ${what}.`,
    );
  }

  async #ask(
    method: string,
    params: string,
    carrier: CallCarrier,
  ): Promise<{ result: string } | { error: string }> {
    const { context, isClientGone } = this.#exchange;
    const missing = missingCapability(method, objectFrom(carrier.request.capabilities));
    // A server must not ask what the agent cannot do (MCP 2026-07-28 patterns/mrtr).
    if (missing !== undefined) return { error: notDeclared(missing) };
    if (isClientGone)
      throw new Failure("CLIENT_GONE", "The agent closed the connection before it was asked.");
    const { id, answer } = context.asked.ask(this.#session, this.#abort.signal);
    const request =
      `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":${JSON.stringify(method)}` +
      `${params === "" ? "" : `,"params":${params}`}}`;
    await carrier.send(Buffer.from(request));
    return answer;
  }
}

/** True for a result that asks for more (MCP 2026-07-28 patterns/mrtr §InputRequiredResult). */
export function isInputRequired({ resultText }: ServerMessage): boolean {
  return memberFrom(resultText, "resultType") === "input_required";
}

function notDeclared(capability: string): string {
  const message = `The client has not declared the capability "${capability}".`;
  return JSON.stringify({ code: -32601, message });
}

function refused(error: string): Failure {
  const { message } = objectFrom(error);
  const said = typeof message === "string" ? `: ${message.slice(0, 500)}` : "";
  return new Failure("CLIENT_REFUSED", `The agent refused what the MCP server asked it${said}.`);
}
