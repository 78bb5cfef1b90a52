import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure, failureFrom } from "@gatewayops/platform/errors";
import { isServersFault } from "../upstream/admission.ts";
import { circuitOpen } from "../upstream/breaker.ts";
import type { CallListener, CallRequest, ServerCall } from "../upstream/server-call.ts";
import type { ServerMessage } from "../upstream/server-message.ts";
import type { Carrier } from "./carrier.ts";
import type { CarriedExchange } from "./carried-exchange.ts";
import { memberFrom } from "./json-object.ts";
import type { Era } from "./message.ts";
import { reportedCostOf, type ReportedCost } from "./reported-cost.ts";
import { eventStreamHeaders } from "./sse-event.ts";

/** How an answer goes to an agent of an era; what differs between them. */
export type CallFace = {
  /** True when a notification is for the agent. */
  wants(notification: ServerMessage): boolean;
  /** The server asks the agent something. */
  onRequest(message: ServerMessage, carrier: CallCarrier): void;
  /**
   * The server has answered.
   *
   * @returns the answer in the agent's era; undefined when the face goes on with the call itself
   */
  onAnswer(message: ServerMessage, status: number, carrier: CallCarrier): FaceAnswer | undefined;
  /** True when the agent's closing its connection ends the call. */
  readonly endsWithClient: boolean;
  /** The call has ended, or goes on elsewhere. */
  ended(): void;
};

export type FaceAnswer = {
  readonly status: number;
  readonly body: Buffer;
  /** True when the call goes on in another request of the agent. */
  readonly isRound: boolean;
  /** Set where the face tells of the server's error in its own words. */
  readonly failure?: Failure;
};

export type CallCarrierOptions = {
  readonly exchange: CarriedExchange;
  /** Era of the server. */
  readonly era: Era;
  readonly request: CallRequest;
  readonly face: CallFace;
  /** A call that goes on, in place of a new one. */
  readonly resumed?: ServerCall;
  /** What must change in the server's answer. */
  readonly edit?: ((answer: Buffer) => Buffer) | undefined;
};

/**
 * Takes a call to a server message by message, where it cannot be relayed byte by byte: because the eras differ, or
 * because something in it must change. Messages keep all bytes but those that must change.
 */
export class CallCarrier implements Carrier, CallListener {
  readonly exchange: CarriedExchange;
  readonly request: CallRequest;
  readonly #era: Era;
  readonly #face: CallFace;
  /** Called in place of beginning a call: it goes on with one. */
  onStart: (() => void) | undefined;
  readonly #edit: ((answer: Buffer) => Buffer) | undefined;
  #call: ServerCall | undefined;
  #answer: FaceAnswer | undefined;
  /** True from its admission to its end, while it counts as one in flight. */
  #hasSlot = false;
  #isOver = false;

  constructor({ exchange, era, request, face, resumed, edit }: CallCarrierOptions) {
    this.exchange = exchange;
    this.request = request;
    this.#era = era;
    this.#face = face;
    this.#call = resumed;
    this.#edit = edit;
  }

  get call(): ServerCall | undefined {
    return this.#call;
  }

  start(): void {
    const { bulkhead } = this.exchange.upstream;
    if (bulkhead.take()) this.#enter();
    else
      bulkhead.wait().then(
        () => {
          this.#enter();
        },
        (error: unknown) => {
          this.#end("abandoned");
          this.#call?.cancel("the gateway is overloaded");
          this.exchange.fail(error);
        },
      );
  }

  #enter(): void {
    const { upstream, pipeline } = this.exchange;
    this.#hasSlot = true;
    if (this.#isOver) {
      this.#leave();
      return;
    }
    if (!upstream.breaker.admit()) {
      this.#isOver = true;
      this.#leave();
      // A call that would have gone on here goes on nowhere.
      this.#call?.cancel("the server is left alone");
      this.#face.ended();
      this.exchange.fail(circuitOpen(upstream.name, upstream.breaker));
      return;
    }
    pipeline.metrics.active(upstream.name, 1);
    if (this.onStart) this.onStart();
    else this.startCall(this.request);
  }

  /** Makes a call of the server: the first, or the next round of one that needs several. */
  startCall(request: CallRequest): void {
    if (this.#isOver) return;
    this.#call = this.exchange.context.calls.create(this.#era, request, this);
    this.#call.start();
  }

  onAttempt(): void {
    this.exchange.attempts++;
  }

  onNotification(message: ServerMessage): void | Promise<void> {
    if (this.#isOver || !this.#face.wants(message)) return;
    return this.send(message.bytes);
  }

  onRequest(message: ServerMessage): void {
    if (!this.#isOver) this.#face.onRequest(message, this);
  }

  onAnswer(said: ServerMessage, status: number): void {
    if (this.#isOver) return;
    const canEdit = this.#edit && said.resultText !== "";
    const message = canEdit ? { ...said, bytes: this.#edit(said.bytes) } : said;
    const answer = this.#face.onAnswer(message, status, this);
    if (!answer) return;
    this.#end("succeeded");
    // As the server wrote it: what is changed of an answer is none of its price.
    const cost = this.exchange.readsReportedCost ? reportedCostOf(said.bytes) : undefined;
    this.#finish(answer, { rpcCode: message.errorCode, isToolFailed: isToolError(message), cost });
  }

  onFailure(failure: Failure): void {
    if (this.#isOver) return;
    this.#end(isServersFault(failure) ? "failed" : "abandoned");
    this.exchange.fail(failure);
  }

  /** Parks the call: the agent is answered with a round, and the call goes on for its next request. */
  park(answer: FaceAnswer): void {
    if (this.#isOver) return;
    this.#end("abandoned");
    this.#finish(answer, { rpcCode: 0 });
  }

  /** Ends the call with an error of the gateway's own. */
  refuse(answer: FaceAnswer, rpcCode: number): void {
    if (this.#isOver) return;
    this.#end("abandoned");
    this.#call?.cancel("the agent cannot be asked");
    this.#finish(answer, { rpcCode });
  }

  /** Gives the call up, for a reason of the agent's. */
  cancel(reason: string): void {
    if (this.#isOver) return;
    this.#end("abandoned");
    this.#call?.cancel(reason);
    this.exchange.fail(new Failure("CLIENT_GONE", `The agent cancelled the call: ${reason}.`));
  }

  /** Ends the call because of something that was thrown. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#call?.cancel("the gateway gave up");
    this.onFailure(failureFrom(error));
  }

  /** Sends a message on the agent's stream, before the answer. Pending while the agent reads slowly. */
  send(message: Buffer): void | Promise<void> {
    const { exchange } = this;
    if (exchange.isClientGone) return;
    if (!exchange.isHeadSent) exchange.sendHead(200, eventStreamHeaders());
    if (exchange.response.write(exchange.eventOf(message, false))) return;
    return exchange.drained();
  }

  answer(): void {
    const { exchange } = this;
    const answer = this.#answer;
    if (!answer) return;
    if (exchange.isHeadSent) exchange.finish(exchange.eventOf(answer.body, true));
    else exchange.sendDocument(answer.status, [], exchange.documentOf(answer.body));
  }

  answerFailure(body: string): boolean {
    this.exchange.finish(this.exchange.eventOf(Buffer.from(body), true));
    return true;
  }

  clientGone(): void {
    if (this.#face.endsWithClient) this.cancel("the connection was closed");
  }

  /** Hands the answer over to be recorded. */
  #finish(answer: FaceAnswer, { rpcCode, isToolFailed = false, cost }: Said): void {
    this.#answer = answer;
    this.exchange.responseBytes += answer.body.length;
    this.exchange.end({
      outcome: rpcCode !== 0 ? Outcome.RPC_ERROR : isToolFailed ? Outcome.TOOL_ERROR : Outcome.OK,
      httpStatus: answer.status,
      rpcCode,
      failure: answer.failure,
      isRound: answer.isRound,
      reportedCost: cost,
    });
  }

  #end(verdict: "succeeded" | "failed" | "abandoned"): void {
    this.#isOver = true;
    this.#face.ended();
    if (!this.#hasSlot) return;
    const { upstream, pipeline } = this.exchange;
    pipeline.metrics.active(upstream.name, -1);
    upstream.breaker[verdict]();
    this.#leave();
  }

  #leave(): void {
    this.#hasSlot = false;
    this.exchange.upstream.bulkhead.give();
  }
}

/** What an answer says of itself. */
type Said = {
  /** 0 for none. */
  readonly rpcCode: number;
  readonly isToolFailed?: boolean;
  readonly cost?: ReportedCost;
};

function isToolError({ resultText }: ServerMessage): boolean {
  return memberFrom(resultText, "isError") === true;
}
