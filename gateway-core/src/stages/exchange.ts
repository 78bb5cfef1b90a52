import {
  Face,
  Operation,
  Outcome,
  RuleOwner,
  Stage,
  StageOutcome,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure, failureFrom } from "@gatewayops/platform/errors";
import { requestIdOf, uuidV7 } from "@gatewayops/platform/ids";
import type { KeyMemo } from "../control/directory.ts";
import { FREE, type Price } from "../control/price.ts";
import type { PriceBook } from "../control/price-book.ts";
import type { Principal } from "../control/principal.ts";
import type { LoggedCall } from "../events/call-log.ts";
import { EMPTY, NO_TOOL, type IntentFields } from "../events/record.ts";
import { isDeeperThan } from "../mcp/json-depth.ts";
import { jsonTextOf } from "../mcp/json-members.ts";
import type { McpMessage } from "../mcp/message.ts";
import { traceContextFrom, type TraceContext } from "../mcp/trace-context.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { pinOutcome } from "../policy/pin.ts";
import type { AgentRequest, AnswerStream } from "./agent-stream.ts";
import { authorize } from "./authorize.ts";
import { costOfCall } from "./charge.ts";
import { endingFrom, isCharged, reasonOf, statusOf, type Ending } from "./ending.ts";
import type { Pipeline } from "./pipeline.ts";
import type { RateVerdict } from "./rate-limit.ts";
import type { BudgetVerdict, Reservation } from "./budget.ts";
import type { BucketView } from "./token-buckets.ts";

/**
 * One request on its way through the pipeline: authenticate → route → authorize → rate limit → pin, arguments →
 * price → intent → MCP server → completion → answer. Subclasses are the faces: how a request is read, sent and answered.
 *
 * Synchronous as long as everything is known to the worker; what is not is awaited.
 */
export abstract class Exchange implements LoggedCall {
  readonly pipeline: Pipeline;
  readonly request: AgentRequest;
  readonly response: AnswerStream;
  /** Name of the server in the path; of the aggregated one, of the server that a call was routed to. */
  serverName: string;
  readonly callId: Buffer;
  readonly startMs: number;

  principal!: Principal;
  upstream!: Upstream;
  message!: McpMessage;
  body: Buffer = EMPTY;
  intent!: IntentFields;
  /** The trace of a call; undefined for what is no call. */
  trace: TraceContext | undefined;
  attempts = 0;
  responseBytes = 0;
  bucket: BucketView | undefined;
  openSlot = -1;

  #price: Price = FREE;
  #costUsdMicros = 0n;
  #isWithinLimits = false;
  #budgetId: Buffer = EMPTY;
  #reservation: Reservation | undefined;
  #isIntended = false;
  #isEnded = false;
  #ending: Ending | undefined;
  #stageStart = 0;
  #started = 0;
  readonly #stages: Stage[] = [];
  readonly #outcomes: StageOutcome[] = [];
  readonly #durations: number[] = [];
  readonly #ruleOwners: RuleOwner[] = [];

  constructor(
    pipeline: Pipeline,
    request: AgentRequest,
    response: AnswerStream,
    serverName: string,
  ) {
    this.pipeline = pipeline;
    this.request = request;
    this.response = response;
    this.serverName = serverName;
    this.startMs = pipeline.now();
    this.callId = uuidV7(this.startMs);
    this.#started = this.#stageStart = performance.now();
  }

  get requestId(): string {
    return requestIdOf(this.callId);
  }

  /** True when the call is recorded: it asks a server to do something. Protocol traffic is only counted. */
  get isCall(): boolean {
    return this.message.operation !== Operation.UNSPECIFIED;
  }

  /** What the call costs, once it has ended; 0 before. */
  get costUsdMicros(): bigint {
    return this.#costUsdMicros;
  }

  /** True when the answer may say what the call costs. */
  get readsReportedCost(): boolean {
    return this.#price.honoursReported;
  }

  get durationMs(): number {
    return performance.now() - this.#started;
  }

  protected abstract readonly face: Face | undefined;
  /** Reads the body. Throws Failure when it is not what this face takes. */
  protected abstract parse(body: Buffer): McpMessage;
  /** Looks up what the message needs before it is routed. False: another worker takes the request from here on. */
  protected prepare(): boolean | Promise<boolean> {
    return true;
  }

  /** Sends the request to the MCP server; ends in `end`. */
  protected abstract send(): void;
  /** Writes what `end` was given, now that it is recorded. */
  protected abstract answer(ending: Ending): void;

  /** Checks who calls; `next` goes on when that is known. */
  start(next: () => void): void {
    try {
      const principal = this.pipeline.authenticate(
        this.request.headers[this.pipeline.credentialHeader],
        memoOf(this.request.socket),
      );
      if (principal instanceof Promise) {
        principal.then((found) => {
          this.#admit(found, next);
        }, this.failBound);
        return;
      }
      this.#admit(principal, next);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Goes on with the whole body. */
  receive(body: Buffer): void {
    this.body = body;
    this.#started = this.#stageStart = performance.now();
    try {
      this.#requireShallow(body);
      this.message = this.parse(body);
      const isOurs = this.prepare();
      if (isOurs === true) this.#route();
      else if (isOurs !== false) isOurs.then(this.#goOnBound, this.failBound);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends the exchange with a failure made here. */
  fail(error: unknown): void {
    const failure = failureFrom(error);
    if (failure.reason === "INTERNAL")
      this.pipeline.log.error(
        { err: failure.cause, request_id: this.requestId },
        "exchange failed",
      );
    this.end(endingFrom(failure));
  }

  /** Records how the exchange ended, then answers. Only the first call counts. */
  end(ending: Ending): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#ending = ending;
    if (this.#isIntended)
      this.stage(Stage.UPSTREAM, ending.failure ? StageOutcome.FAILED : StageOutcome.PASSED);
    const durationUs = Math.round(this.durationMs * 1000);
    this.#costUsdMicros = this.#charge(ending, durationUs);
    this.#reservation?.settle(this.#costUsdMicros);
    this.#observe(ending);
    // A server that answers can be asked for its tools; one in trouble is spared that.
    if (isCharged(ending) && this.message.method === "tools/call")
      this.pipeline.catalog.noticed(this.upstream, this.message.target);
    if (!this.#isRecorded()) {
      this.answer(ending);
      return;
    }
    if (!this.#isIntended) this.#makeIntent();
    this.pipeline.callLog.complete(this, {
      durationUs,
      outcome: ending.outcome,
      reason: reasonOf(ending),
      httpStatus: ending.httpStatus,
      rpcCode: ending.rpcCode,
      responseBytes: this.responseBytes,
      costUsdMicros: this.#costUsdMicros,
      priceRuleId: isCharged(ending) ? this.#price.ruleId : EMPTY,
      stages: {
        stages: this.#stages,
        outcomes: this.#outcomes,
        durationsUs: this.#durations,
        ruleOwners: this.#ruleOwners,
      },
      sampled: this.pipeline.sampleRate >= 1 || Math.random() < this.pipeline.sampleRate,
      attempts: this.attempts,
      budgetId: this.#budgetId,
    });
  }

  #charge(ending: Ending, durationUs: number): bigint {
    if (!isCharged(ending)) return 0n;
    const price = this.#price;
    if (price.isFlat) return price.maxUsdMicros;
    const { responseBytes, pipeline } = this;
    const reported = ending.reportedCost;
    const call = { requestBytes: this.body.length, responseBytes, durationUs, reported };
    return costOfCall(price, call, pipeline.metrics);
  }

  onIntentWritten(): void {
    if (this.#isEnded) return;
    this.stage(Stage.LOG, StageOutcome.PASSED);
    this.send();
  }

  onCompletionWritten(): void {
    if (this.#ending) this.answer(this.#ending);
  }

  onLogFailed(failure: Failure): void {
    this.#isEnded = true;
    this.#reservation?.settle(0n);
    this.answer(endingFrom(failure));
  }

  /** Ends the answer. An agent that does not take it in time is cut off. */
  finish(last?: Buffer | string): void {
    const { response } = this;
    // One string with the headers is one write; a Buffer beside them is two. In Latin-1 the bytes stay what they are.
    if (last instanceof Buffer && last.length <= JOINED_MAX_BYTES)
      response.end(last.toString("latin1"), "latin1");
    else response.end(last);
    if (response.writableFinished || response.writableLength === 0) return;
    const timer = setTimeout(() => {
      this.cutOff();
    }, this.pipeline.writeTimeoutMs);
    response.on("close", () => {
      clearTimeout(timer);
    });
  }

  /** Ends the connection of an agent that has stopped reading. */
  protected cutOff(): void {
    this.pipeline.metrics.boundReached("write_timeout");
    this.response.destroy();
  }

  /** Notes what a stage did, how long it took, and whose rule it went by where that is not said elsewhere. */
  protected stage(stage: Stage, outcome: StageOutcome, ruleOwner = RuleOwner.UNSPECIFIED): void {
    const now = performance.now();
    this.#stages.push(stage);
    this.#outcomes.push(outcome);
    this.#ruleOwners.push(ruleOwner);
    this.#durations.push(Math.round((now - this.#stageStart) * 1000));
    this.#stageStart = now;
  }

  protected readonly failBound = (error: unknown): void => {
    this.fail(error);
  };

  readonly #goOnBound = (isOurs: boolean): void => {
    try {
      if (isOurs) this.#route();
    } catch (error) {
      this.fail(error);
    }
  };

  #requireShallow(body: Buffer): void {
    const { jsonMaxDepth } = this.pipeline;
    // Each level has two brackets.
    if (body.length <= 2 * jsonMaxDepth || !isDeeperThan(jsonTextOf(body), jsonMaxDepth)) return;
    throw new Failure(
      "REQUEST_MALFORMED",
      `The body's objects and arrays may be nested ${jsonMaxDepth} deep at most.`,
      { limit: "json_depth" },
    );
  }

  #admit(principal: Principal, next: () => void): void {
    this.principal = principal;
    this.stage(Stage.AUTHENTICATE, StageOutcome.PASSED);
    next();
  }

  /** False for a message that no single server answers. */
  protected get hasServer(): boolean {
    return true;
  }

  #route(): void {
    if (!this.hasServer) {
      this.#onPermitted();
      return;
    }
    const upstream = this.pipeline.directory.upstream(this.principal.orgIdText, this.serverName);
    if (upstream instanceof Promise) {
      upstream.then(
        (found) => {
          this.#onRouted(found);
        },
        (error: unknown) => {
          this.stage(Stage.ROUTE, StageOutcome.REFUSED);
          this.fail(error);
        },
      );
      return;
    }
    this.#onRouted(upstream);
  }

  #onRouted(upstream: Upstream): void {
    try {
      this.upstream = upstream;
      this.stage(Stage.ROUTE, StageOutcome.PASSED);
      const { outcome, refusal } = authorize(this.principal, upstream, this.message);
      this.stage(Stage.AUTHORIZE, outcome);
      if (refusal) throw refusal;
      this.#onPermitted();
    } catch (error) {
      this.fail(error);
    }
  }

  #onPermitted(): void {
    try {
      if (this.message.kind !== "request") {
        this.send();
        return;
      }
      if (this.#isWithinLimits) {
        this.#onWithinLimits();
        return;
      }
      const verdict = this.pipeline.rateLimit(this.principal);
      if (verdict instanceof Promise)
        verdict.then((found) => {
          this.#onLimited(found);
        }, this.failBound);
      else this.#onLimited(verdict);
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * Holds the request to its limits now, and not again later: for requests whose server must be looked for.
   *
   * @throws Failure RATE_LIMITED
   */
  protected async limitEarly(): Promise<void> {
    this.#requireWithinLimits(await this.pipeline.rateLimit(this.principal));
  }

  #requireWithinLimits(verdict: RateVerdict): void {
    this.bucket = verdict.tightest;
    const owner = verdict.tightest && LIMIT_OWNER[verdict.tightest.spec.scope];
    this.stage(Stage.RATE_LIMIT, verdict.outcome, owner);
    this.#isWithinLimits = verdict.failure === undefined;
    if (!verdict.failure) return;
    const spec = verdict.tightest?.spec;
    if (spec) this.pipeline.metrics.limitHit(spec.scope, spec.id);
    throw verdict.failure;
  }

  #onLimited(verdict: RateVerdict): void {
    try {
      this.#requireWithinLimits(verdict);
      this.#onWithinLimits();
    } catch (error) {
      this.fail(error);
    }
  }

  #onWithinLimits(): void {
    try {
      if (!this.isCall) {
        this.send();
        return;
      }
      if (this.message.method === "tools/call") this.#checkTool();
      const book = this.pipeline.directory.prices(this.principal.orgIdText);
      if (book instanceof Promise) {
        book.then((found) => {
          this.#onBook(found);
        }, this.failBound);
        return;
      }
      this.#onBook(book);
    } catch (error) {
      this.fail(error);
    }
  }

  #onBook(book: PriceBook): void {
    const price = book.priceOf(this.upstream.name, this.message.target, this.message.operation);
    this.#price = price;
    this.stage(Stage.PRICE, price === FREE ? StageOutcome.NOT_CONFIGURED : StageOutcome.PASSED);
    const verdict = this.pipeline.budget({
      principal: this.principal,
      upstream: this.upstream,
      maxUsdMicros: price.maxUsdMicros,
      startMs: this.startMs,
    });
    if (verdict instanceof Promise) verdict.then(this.#onBudgetedBound, this.failBound);
    else this.#onBudgeted(verdict);
  }

  readonly #onBudgetedBound = (verdict: BudgetVerdict): void => {
    this.#onBudgeted(verdict);
  };

  #onBudgeted({ outcome, failure, budgetId, reservation }: BudgetVerdict): void {
    if (this.#isEnded) {
      // The agent went away while Redis was asked.
      reservation?.settle(0n);
      return;
    }
    this.stage(Stage.BUDGET, outcome);
    this.#budgetId = budgetId;
    this.#reservation = reservation;
    if (failure) this.fail(failure);
    else this.#intend();
  }

  /** Compares the tool's definition with the known one and, where the server asks for it, its schema with the arguments. */
  #checkTool(): void {
    const { pipeline, upstream, message } = this;
    const known = upstream.known.get(message.target);
    const listed = upstream.listed.get(message.target);
    this.stage(Stage.PIN, pinOutcome(known, listed?.hash, pipeline.now()));
    const verdict = pipeline.checkArguments(upstream, message);
    if (verdict) this.stage(Stage.VALIDATE, verdict.outcome);
    if (verdict?.refusal) throw verdict.refusal;
  }

  #intend(): void {
    try {
      this.#makeIntent();
      this.pipeline.callLog.intend(this);
      this.#isIntended = true;
    } catch (error) {
      this.fail(error);
    }
  }

  #makeIntent(): void {
    const { message, principal } = this;
    const header = this.request.headers["traceparent"];
    const trace = traceContextFrom(
      message.traceparent ?? (typeof header === "string" ? header : undefined),
    );
    this.trace = trace;
    const upstream = this.upstream as Upstream | undefined;
    this.intent = {
      callId: this.callId,
      startTimeUs: Math.round(this.startMs * 1000),
      orgId: principal.orgId,
      teamId: principal.teamId,
      userId: principal.userId,
      keyId: principal.keyId,
      serverId: upstream?.id ?? EMPTY,
      toolId:
        upstream && message.method === "tools/call" ? upstream.tools.idOf(message.target) : NO_TOOL,
      operation: message.operation,
      traceId: trace.traceId,
      spanId: trace.spanId,
      parentSpanId: trace.parentSpanId,
      face: this.face ?? Face.UNSPECIFIED,
      requestBytes: this.body.length,
      reservedUsdMicros: this.#price.maxUsdMicros,
    };
  }

  #isRecorded(): boolean {
    const message = this.message as McpMessage | undefined;
    const principal = this.principal as Principal | undefined;
    return (
      message !== undefined &&
      principal !== undefined &&
      message.operation !== Operation.UNSPECIFIED
    );
  }

  #observe(ending: Ending): void {
    const { metrics } = this.pipeline;
    const message = this.message as McpMessage | undefined;
    const principal = this.principal as Principal | undefined;
    const upstream = this.upstream as Upstream | undefined;
    if (ending.failure && ending.outcome === Outcome.REFUSED)
      metrics.refused(ending.failure.reason);
    if (ending.failure?.limit !== undefined) metrics.boundReached(ending.failure.limit);
    const isListed =
      upstream !== undefined &&
      message?.method === "tools/call" &&
      upstream.tools.isListed(message.target);
    metrics.observe({
      server: upstream?.name ?? "",
      tool: isListed ? message.target : "",
      status: statusOf(ending.outcome),
      orgId: principal?.orgIdText ?? "",
      teamId: principal?.teamIdText ?? "",
      durationUs: this.durationMs * 1000,
      requestBytes: this.body.length,
      responseBytes: this.responseBytes,
      costUsdMicros: this.costUsdMicros,
    });
  }
}

/** Bytes of a body that goes out in one string with its headers. */
const JOINED_MAX_BYTES = 16 * 1024;

/** Whose limit a bucket is. */
const LIMIT_OWNER = {
  key: RuleOwner.KEY,
  team: RuleOwner.TEAM,
  org: RuleOwner.ORG,
} as const satisfies Record<BucketView["spec"]["scope"], RuleOwner>;

/** A connection with what it remembers of its key. */
type KeyedConnection = object & { gatewayKey?: KeyMemo };

function memoOf(connection: KeyedConnection): KeyMemo {
  return (connection.gatewayKey ??= { key: "", print: "" });
}
