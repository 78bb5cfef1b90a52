import { setTimeout as delay } from "node:timers/promises";
import { Failure, failureFrom } from "@gatewayops/platform/errors";
import type { Logger } from "@gatewayops/platform/log";
import type { Holdings } from "../stages/holdings.ts";
import type { Era } from "../mcp/message.ts";
import { admitted } from "./admission.ts";
import { knownEra, probeEra } from "./era.ts";
import { createHeaderMirrors } from "./header-mirrors.ts";
import { LegacyCall } from "./legacy-call.ts";
import { LegacySessions } from "./legacy-sessions.ts";
import { ModernCall } from "./modern-call.ts";
import { retryDelayMs } from "./retry.ts";
import type { CallListener, CallRequest, ServerCall } from "./server-call.ts";
import type { ServerMessage } from "./server-message.ts";
import type { Upstream } from "./upstream.ts";

export type ServerCallsOptions = {
  readonly now: () => number;
  readonly log: Logger;
  /** How often a request that is safe to repeat is sent again: `mcp_servers.max_retries`. */
  readonly maxRetries: number;
  /** Counts sessions of the gateway's own by the keys they serve. */
  readonly sessions: Holdings;
  /** Milliseconds for which a session of the gateway's own with a server may be unused: `GWO_SESSION_TTL`. */
  readonly idleMs: number;
};

/** The gateway as an MCP client of servers of both eras, for what is not relayed byte by byte. */
export class ServerCalls {
  readonly sessions: LegacySessions;
  readonly #options: ServerCallsOptions;
  readonly #mirrors;

  constructor(options: ServerCallsOptions) {
    this.#options = options;
    this.sessions = new LegacySessions(options);
    this.#mirrors = createHeaderMirrors(options.log);
  }

  /** The era to speak with a server; a promise when it must be probed. */
  eraOf(upstream: Upstream): Era | Promise<Era> {
    return this.knownEraOf(upstream) ?? this.#probe(upstream);
  }

  /** As `eraOf`, but undefined when it must be probed. */
  knownEraOf(upstream: Upstream): Era | undefined {
    return knownEra(upstream, this.#options.now());
  }

  /** A server that cannot be probed counts as failing, like one that cannot be called. */
  #probe(upstream: Upstream): Promise<Era> {
    return this.repeated(upstream, true, () => probeEra(upstream, this.#options.now));
  }

  /**
   * Does something that is sent to a server and answered, again where that may be.
   *
   * @param isSafe true when sending it twice does no harm
   * @throws Failure
   */
  async repeated<T>(upstream: Upstream, isSafe: boolean, work: () => Promise<T>): Promise<T> {
    const { now, maxRetries } = this.#options;
    const endMs = now() + upstream.timeoutMs;
    for (let attempts = 1; ; attempts++) {
      try {
        return await admitted(upstream, work);
      } catch (error) {
        const failure = failureFrom(error);
        const leftMs = endMs - now();
        const delayMs = retryDelayMs(
          { failure, attempts, isSafe, hasAnswerBegun: false, leftMs },
          maxRetries,
          Math.random(),
        );
        if (delayMs === undefined) throw failure;
        await delay(delayMs);
      }
    }
  }

  /** A call that has not begun yet. */
  create(era: Era, request: CallRequest, listener: CallListener): ServerCall {
    const { maxRetries, now } = this.#options;
    return era === "modern"
      ? new ModernCall(request, listener, { mirrors: this.#mirrors, maxRetries, now })
      : new LegacyCall(request, listener, { sessions: this.sessions, maxRetries, now });
  }

  /**
   * Makes a call that cannot be asked anything, and waits for its answer.
   *
   * @param signal gives it up
   * @throws Failure
   */
  ask(era: Era, request: CallRequest, signal?: AbortSignal): Promise<ServerMessage> {
    return admitted(request.upstream, () => this.#ask(era, request, signal));
  }

  /**
   * As `ask`, of a server of whichever era, for what no agent waits for: its failure says nothing to the server's
   * breaker, which agents' calls are held to.
   *
   * @throws Failure
   */
  async askAside(request: CallRequest): Promise<ServerMessage> {
    const { upstream } = request;
    const era = this.knownEraOf(upstream) ?? (await probeEra(upstream, this.#options.now));
    return this.#ask(era, request, undefined);
  }

  #ask(era: Era, request: CallRequest, signal: AbortSignal | undefined): Promise<ServerMessage> {
    return new Promise((resolve, reject) => {
      const { upstream } = request;
      const call = this.create(era, request, {
        onAttempt: () => undefined,
        onNotification: () => undefined,
        onRequest: ({ idText }) => {
          call.respond(idText, '"error":{"code":-32601,"message":"Nobody can be asked here."}');
        },
        onAnswer: resolve,
        onFailure: reject,
      });
      const giveUp = (): void => {
        call.cancel("it took too long");
        reject(
          new Failure(
            "UPSTREAM_TIMEOUT",
            `The MCP server ${upstream.name} did not answer in time.`,
          ),
        );
      };
      // The time may have run out while the call waited for its turn.
      if (signal?.aborted === true) {
        giveUp();
        return;
      }
      signal?.addEventListener("abort", giveUp, { once: true });
      call.start();
    });
  }

  close(): Promise<void> {
    return this.sessions.close();
  }
}
