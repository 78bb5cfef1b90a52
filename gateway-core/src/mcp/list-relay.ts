import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import type { SessionState } from "../sessions/session-store.ts";
import type { AgentSession } from "../sessions/sessions.ts";
import { exchangeOnce, type OneAnswer } from "../upstream/exchange-once.ts";
import { saysSessionLost } from "../upstream/resume.ts";
import { noAnswer } from "../upstream/no-answer.ts";
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
    pipeline.metrics.active(upstream.name, 1);
    this.#run()
      .catch((error: unknown) => {
        this.#exchange.fail(error);
      })
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
    let found = await this.#send(session?.state);
    const hasSession = session !== undefined && session.state.upstreamSession !== "";
    if (hasSession && saysSessionLost(found.status, found.answer?.bytes))
      found = await this.#send(
        await reopenRelayedSession(exchange.context, exchange.upstream, session),
      );
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

  /** Lists only read, and nothing of the answer is out yet: one that breaks off is asked for again. */
  #send(state: SessionState | undefined): Promise<OneAnswer> {
    const exchange = this.#exchange;
    const { upstream, context } = exchange;
    const headers: string[] = [];
    pushForwardHeaders(exchange, headers, "accept");
    if (state && state.upstreamSession !== "")
      headers.push("mcp-session-id", state.upstreamSession);
    return context.calls.repeated(upstream, true, () => {
      exchange.attempts++;
      return exchangeOnce(upstream, {
        body: exchange.rpcBody,
        headers,
        signal: this.#abort.signal,
        timeoutMs: upstream.timeoutMs,
        endpoint: state?.endpoint ?? "",
      });
    });
  }
}
