import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "@gatewayops/platform/errors";
import type { Logger } from "@gatewayops/platform/log";
import type { Era } from "../mcp/message.ts";
import { circuitOpen } from "./breaker.ts";
import { knownEra, probeEra } from "./era.ts";
import { createHeaderMirrors } from "./header-mirrors.ts";
import { LegacyCall } from "./legacy-call.ts";
import { LegacySessions } from "./legacy-sessions.ts";
import { ModernCall } from "./modern-call.ts";
import type { CallListener, CallRequest, ServerCall } from "./server-call.ts";
import type { ServerMessage } from "./server-message.ts";
import type { Upstream } from "./upstream.ts";

export type ServerCallsOptions = {
  readonly now: () => number;
  readonly log: Logger;
  /** How often a request that is safe to repeat is sent again: `mcp_servers.max_retries`. */
  readonly maxRetries: number;
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

  /**
   * The era to speak with a server; a promise when it must be probed.
   *
   * @param wanted the agent's own, taken where the server speaks both
   */
  eraOf(upstream: Upstream, wanted: Era): Era | Promise<Era> {
    return this.knownEraOf(upstream, wanted) ?? this.#probe(upstream, wanted);
  }

  /** As `eraOf`, but undefined when it must be probed. */
  knownEraOf(upstream: Upstream, wanted: Era): Era | undefined {
    return knownEra(upstream, wanted, this.#options.now());
  }

  /** A server that cannot be probed counts as failing, like one that cannot be called. */
  async #probe(upstream: Upstream, wanted: Era): Promise<Era> {
    const { breaker } = upstream;
    for (let attempt = 0; ; attempt++) {
      if (!breaker.admit()) throw circuitOpen(upstream.name, breaker);
      try {
        const era = await probeEra(upstream, wanted, this.#options.now);
        breaker.succeeded();
        return era;
      } catch (error) {
        breaker.failed();
        if (attempt >= this.#options.maxRetries || !isTransport(error)) throw error;
        await delay(25 * 2 ** attempt);
      }
    }
  }

  /** A call that has not begun yet. */
  create(era: Era, request: CallRequest, listener: CallListener): ServerCall {
    const { maxRetries } = this.#options;
    return era === "modern"
      ? new ModernCall(request, listener, { mirrors: this.#mirrors, maxRetries })
      : new LegacyCall(request, listener, { sessions: this.sessions, maxRetries });
  }

  /**
   * Makes a call that cannot be asked anything, and waits for its answer.
   *
   * @throws Failure
   */
  ask(era: Era, request: CallRequest): Promise<ServerMessage> {
    return new Promise((resolve, reject) => {
      const call = this.create(era, request, {
        onAttempt: () => undefined,
        onNotification: () => undefined,
        onRequest: ({ idText }) => {
          call.respond(idText, '"error":{"code":-32601,"message":"Nobody can be asked here."}');
        },
        onAnswer: resolve,
        onFailure: reject,
      });
      call.start();
    });
  }

  close(): Promise<void> {
    return this.sessions.close();
  }
}

/** True when a probe, which only reads, did not get through and may be sent again. */
function isTransport(error: unknown): boolean {
  return (
    error instanceof Failure &&
    (error.reason === "UPSTREAM_UNREACHABLE" || error.reason === "UPSTREAM_CLOSED")
  );
}
