import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure, failureFrom } from "@gatewayops/platform/errors";
import type { AgentSession } from "../sessions/sessions.ts";
import { circuitOpen } from "../upstream/breaker.ts";
import { exchangeOnce, type OneAnswer } from "../upstream/exchange-once.ts";
import { noAnswer } from "../upstream/legacy-call.ts";
import type { Carrier } from "./carrier.ts";
import { pushForwardHeaders } from "./forward-headers.ts";
import type { McpExchange } from "./mcp-exchange.ts";
import { reopenRelayedSession } from "./relayed-session.ts";

/** Takes a list request to a server of the same era, and leaves out of the answer what the agent may not see. */
export class ListRelay implements Carrier {
  readonly #exchange: McpExchange;
  readonly #session: AgentSession | undefined;
  readonly #edit: (answer: Buffer) => Buffer;
  readonly #abort = new AbortController();
  #status = 0;
  #body: Buffer | undefined;

  constructor(
    exchange: McpExchange,
    session: AgentSession | undefined,
    edit: (answer: Buffer) => Buffer,
  ) {
    this.#exchange = exchange;
    this.#session = session;
    this.#edit = edit;
  }

  start(): void {
    const { upstream, pipeline } = this.#exchange;
    if (!upstream.breaker.admit()) {
      this.#exchange.fail(circuitOpen(upstream.name, upstream.breaker));
      return;
    }
    pipeline.metrics.active(upstream.name, 1);
    this.#run()
      .then(
        () => {
          upstream.breaker.succeeded();
        },
        (error: unknown) => {
          const failure = failureFrom(error);
          const isServers = failure.reason.startsWith("UPSTREAM_") && !this.#exchange.isClientGone;
          upstream.breaker[isServers ? "failed" : "abandoned"]();
          this.#exchange.fail(failure);
        },
      )
      .finally(() => {
        pipeline.metrics.active(upstream.name, -1);
      });
  }

  answer(): void {
    this.#exchange.sendDocument(this.#status, [], this.#body);
  }

  answerFailure(): boolean {
    return false;
  }

  clientGone(): void {
    this.#abort.abort(new Failure("CLIENT_GONE", "The agent closed the connection."));
  }

  async #run(): Promise<void> {
    const exchange = this.#exchange;
    const session = this.#session;
    let found = await this.#send(session?.state.upstreamSession ?? "");
    const hasSession = session !== undefined && session.state.upstreamSession !== "";
    if (hasSession && isSessionLost(found)) {
      const state = await reopenRelayedSession(exchange.context, exchange.upstream, session);
      found = await this.#send(state.upstreamSession);
    }
    const { answer, status } = found;
    if (!answer) throw noAnswer(exchange.upstream, found);
    this.#status = status;
    this.#body = answer.resultText === "" ? answer.bytes : this.#edit(answer.bytes);
    exchange.responseBytes = this.#body.length;
    exchange.end({
      outcome: answer.errorCode === 0 ? Outcome.OK : Outcome.RPC_ERROR,
      httpStatus: status,
      rpcCode: answer.errorCode,
      failure: undefined,
    });
  }

  /** Lists only read, so one that did not get through is sent again. */
  async #send(upstreamSession: string): Promise<OneAnswer> {
    const exchange = this.#exchange;
    const { upstream, pipeline } = exchange;
    const headers: string[] = [];
    pushForwardHeaders(exchange, headers, "accept");
    if (upstreamSession !== "") headers.push("mcp-session-id", upstreamSession);
    for (let retries = 0; ; retries++) {
      exchange.attempts++;
      try {
        return await exchangeOnce(upstream, {
          body: exchange.rpcBody,
          headers,
          signal: this.#abort.signal,
          timeoutMs: upstream.timeoutMs,
        });
      } catch (error) {
        const { reason } = failureFrom(error);
        const isTransport = reason === "UPSTREAM_UNREACHABLE" || reason === "UPSTREAM_CLOSED";
        if (retries >= pipeline.maxRetries || !isTransport || this.#abort.signal.aborted)
          throw error;
      }
    }
  }
}

function isSessionLost({ status, answer }: OneAnswer): boolean {
  if (status === 404) return true;
  return (
    status === 400 &&
    answer !== undefined &&
    /session|not initialized/i.test(answer.bytes.toString("utf8"))
  );
}
