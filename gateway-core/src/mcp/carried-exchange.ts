import type { Dispatcher } from "undici";
import type { Failure } from "@gatewayops/platform/errors";
import type { PeerName } from "../cluster/peers.ts";
import { pushCommonHeaders } from "../http/answer-headers.ts";
import type { AgentRequest, AnswerStream } from "../stages/agent-stream.ts";
import type { Ending } from "../stages/ending.ts";
import { Exchange } from "../stages/exchange.ts";
import type { Pipeline } from "../stages/pipeline.ts";
import type { Carrier } from "./carrier.ts";
import type { McpContext } from "./mcp-context.ts";

/** An exchange whose message a carrier takes to a server. Subclasses are the faces: what answers look like. */
export abstract class CarriedExchange extends Exchange {
  readonly context: McpContext;
  isHeadSent = false;
  isClientGone = false;
  #carrier: Carrier | undefined;
  #writeTimer: NodeJS.Timeout | undefined;

  constructor(
    pipeline: Pipeline,
    request: AgentRequest,
    response: AnswerStream,
    options: { serverName: string; context: McpContext },
  ) {
    super(pipeline, request, response, options.serverName);
    this.context = options.context;
    response.on("close", () => {
      this.#onClose();
    });
  }

  /** The message as JSON-RPC. */
  get rpcBody(): Buffer {
    return this.body;
  }

  /** Who takes the message to its server; a promise when that must be found out. */
  protected abstract carrier(): Carrier | Promise<Carrier>;
  /** Tells the agent of a failure. */
  protected abstract answerFailure(failure: Failure): void;
  /** Has another worker answer. True: it cannot be found, and the request is ours to answer. */
  abstract handOver(peer: PeerName): Promise<boolean>;
  /** A message as an event of the answer's stream. */
  abstract eventOf(message: Buffer, isAnswer: boolean): Buffer;
  /** A JSON-RPC answer as this face's document. */
  abstract documentOf(answer: Buffer): Buffer;

  protected get carrierUnderWay(): Carrier | undefined {
    return this.#carrier;
  }

  protected override send(): void {
    try {
      const carrier = this.carrier();
      if (carrier instanceof Promise) carrier.then(this.#carryBound, this.failBound);
      else this.#carry(carrier);
    } catch (error) {
      this.fail(error);
    }
  }

  protected override answer(ending: Ending): void {
    if (this.isClientGone) return;
    if (ending.failure) this.answerFailure(ending.failure);
    else this.#carrier?.answer(ending);
  }

  /** Sends status and headers, those of every answer among them; only the first call counts. */
  sendHead(status: number, headers: string[]): void {
    if (this.isHeadSent) return;
    this.isHeadSent = true;
    pushCommonHeaders(this, headers);
    if (!this.isClientGone) this.response.writeHead(status, headers);
  }

  /** Passes bytes on; an agent that reads slowly slows the server down, and one that stops reading is cut off. */
  write(chunk: Buffer, source: Dispatcher.DispatchController | undefined): void {
    if (this.isClientGone) return;
    if (this.response.write(chunk) || !source || source.paused) return;
    source.pause();
    void this.drained().then(() => {
      source.resume();
    });
  }

  /** Resolves when the agent has read what was written, or is gone: one that stops reading is cut off. */
  drained(): Promise<void> {
    if (!this.response.writableNeedDrain || this.isClientGone) return Promise.resolve();
    this.#writeTimer ??= setTimeout(() => {
      this.cutOff();
    }, this.pipeline.writeTimeoutMs);
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(this.#writeTimer);
        this.#writeTimer = undefined;
        this.response.off("drain", done);
        this.response.off("close", done);
        resolve();
      };
      this.response.on("drain", done);
      this.response.on("close", done);
    });
  }

  /** Writes an answer in one piece. */
  sendDocument(status: number, headers: string[], body: Buffer | string | undefined): void {
    if (body !== undefined)
      headers.push(
        ...["content-type", "application/json"],
        ...["content-length", String(Buffer.byteLength(body))],
      );
    this.sendHead(status, headers);
    this.finish(body);
  }

  /** Calls back when the connection to the agent is closed, at once when it is already. */
  onceClosed(done: () => void): void {
    if (this.isClientGone) done();
    else this.response.once("close", done);
  }

  readonly #carryBound = (carrier: Carrier): void => {
    this.#carry(carrier);
  };

  #carry(carrier: Carrier): void {
    this.#carrier = carrier;
    carrier.start();
    if (this.isClientGone) carrier.clientGone();
  }

  #onClose(): void {
    clearTimeout(this.#writeTimer);
    if (this.response.writableFinished) return;
    this.isClientGone = true;
    this.#carrier?.clientGone();
  }
}
