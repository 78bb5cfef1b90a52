import type { IncomingHttpHeaders } from "node:http";
import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { Failure } from "@gatewayops/platform/errors";
import type { Ending } from "../stages/ending.ts";
import { saysSessionLost } from "../upstream/resume.ts";
import { answerModeOf, failureOfAnswer, type AnswerMode } from "./answer-mode.ts";
import { AnswerScan } from "./answer-scan.ts";
import type { McpMessage } from "./message.ts";
import { ReportedCostScan } from "./reported-cost.ts";
import { SseGate } from "./sse-gate.ts";

/** Bytes of an answer that is looked at before it is passed on, because the session may be lost. */
const SUSPECT_MAX_BYTES = 64 * 1024;
const PASSED_HEADERS = ["cache-control", "mcp-protocol-version", "retry-after"] as const;

/**
 * A server's answer as it comes: what it is, which of its bytes may be passed on, and which wait for the record. Of a
 * JSON document the last chunk waits, of an event stream the end of the answer's event and all after it.
 */
export class RelayedAnswer {
  mode: AnswerMode = "empty";
  /** HTTP status; 0 while no head has come. */
  status = 0;
  /** Headers for the agent, names and values in turn. */
  headers: string[] = [];
  /** Watches the events; undefined for what is no stream. */
  gate: SseGate | undefined;
  /** True while the answer is kept back to see whether the server has lost the session. */
  isSuspect = false;
  #held: Buffer[] = [];
  #heldBytes = 0;
  readonly #scan = new AnswerScan();
  /** Undefined where what the answer costs is not asked of it. */
  readonly #cost: ReportedCostScan | undefined;

  /** @param readsCost true when the answer may say what the call costs */
  constructor(readsCost: boolean) {
    this.#cost = readsCost ? new ReportedCostScan() : undefined;
  }

  /** @param hasSession true when it is a request in a session, which the server may have lost */
  begin(
    status: number,
    headers: IncomingHttpHeaders,
    { kind, idText }: McpMessage,
    hasSession: boolean,
  ): void {
    this.#head(status, headers);
    if (this.mode === "sse") this.gate = new SseGate(kind === "request" ? idText : "", this.#cost);
    this.isSuspect = hasSession && (status === 404 || status === 400);
    const type = headers["content-type"];
    if (type !== undefined && this.mode !== "empty") this.headers.push("content-type", type);
    for (const name of PASSED_HEADERS) {
      const value = headers[name];
      if (typeof value === "string") this.headers.push(name, value);
    }
    if (this.isStream) this.headers.push("x-accel-buffering", "no");
  }

  /** Goes on with a stream that was resumed. The agent reads a stream: what is none cannot go on with it. */
  resume(status: number, headers: IncomingHttpHeaders): void {
    this.#head(status, headers);
    if (this.mode !== "sse") this.mode = "other";
  }

  /** Forgets what has come, for another answer. */
  reset(): void {
    this.status = 0;
    this.headers = [];
    this.#held = [];
    this.#heldBytes = 0;
    this.gate = undefined;
  }

  /** True when the agent gets events as they come. */
  get isStream(): boolean {
    return this.mode === "sse" && !this.isSuspect;
  }

  /** True when the answer's event has come; what follows it waits. */
  get hasAnsweredInStream(): boolean {
    return this.mode === "sse" && this.gate?.isAnswered === true;
  }

  get isHeld(): boolean {
    return this.#held.length > 0;
  }

  /** @returns what may be passed on now */
  take(chunk: Buffer): Buffer | undefined {
    switch (this.mode) {
      case "json": {
        this.#scan.feed(chunk);
        this.#cost?.feed(chunk);
        const before = this.#held.pop();
        this.#held.push(chunk);
        return before;
      }
      case "sse":
        return this.#takeEvents(chunk);
      default:
        // Not MCP: what it says is of no use to the agent, and is not kept.
        return undefined;
    }
  }

  #takeEvents(chunk: Buffer): Buffer | undefined {
    const { gate } = this;
    if (!gate || gate.isAnswered) {
      this.#held.push(chunk);
      return undefined;
    }
    const passable = gate.feed(chunk);
    if (passable === chunk.length) return chunk;
    this.#held.push(chunk.subarray(passable));
    return passable > 0 ? chunk.subarray(0, passable) : undefined;
  }

  /** Keeps a chunk of a suspect answer. @returns false when it is too long to say that a session is lost */
  suspect(chunk: Buffer): boolean {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    this.isSuspect = this.#heldBytes <= SUSPECT_MAX_BYTES;
    return this.isSuspect;
  }

  /** Hands over what is kept. */
  release(): Buffer[] {
    this.#heldBytes = 0;
    return this.#held.splice(0);
  }

  /** True when a suspect answer says that the server has lost the session. */
  saysSessionLost(): boolean {
    return saysSessionLost(
      this.status,
      this.mode === "json" ? Buffer.concat(this.#held) : undefined,
    );
  }

  /** What is wrong with an answer that has ended; undefined when it is one. */
  failureFor({ kind, idText }: McpMessage, server: string): Failure | undefined {
    const isRequest = kind === "request";
    const scan = this.#scan;
    const isAnswer =
      this.mode === "sse"
        ? this.gate?.isAnswered === true
        : scan.isWhole &&
          scan.kind !== "other" &&
          !scan.isAmbiguous &&
          (!isRequest || scan.answers(idText));
    return failureOfAnswer({ mode: this.mode, status: this.status, isAnswer, isRequest }, server);
  }

  ending(): Ending {
    const scan = this.hasAnsweredInStream && this.gate ? this.gate.scan : this.#scan;
    return {
      outcome: outcomeOf(scan),
      httpStatus: this.status,
      rpcCode: scan.rpcCode,
      failure: undefined,
      isRound: scan.isInputRequired,
      reportedCost: this.#cost?.cost,
    };
  }

  #head(status: number, headers: IncomingHttpHeaders): void {
    this.status = status;
    this.mode = answerModeOf(status, headers["content-type"], headers["content-length"]);
  }
}

function outcomeOf(scan: AnswerScan): Outcome {
  if (scan.kind === "error") return Outcome.RPC_ERROR;
  return scan.isToolError ? Outcome.TOOL_ERROR : Outcome.OK;
}
