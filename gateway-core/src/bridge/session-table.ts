import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Failure } from "@gatewayops/platform/errors";
import type { Logger } from "@gatewayops/platform/log";
import { MessageError } from "../mcp/message.ts";
import type { Session } from "./session.ts";
import type { Target } from "./target.ts";

type Entry = {
  readonly session: Session;
  readonly target: string;
  readonly org: string;
  usedAt: number;
};

/** The bridge's sessions, each bound to its server and its organisation. */
export class SessionTable {
  readonly #sessions = new Map<string, Entry>();
  readonly #log: Logger;
  readonly #now: () => number;

  constructor(log: Logger, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** @throws Failure OVERLOADED */
  open(target: Target, request: IncomingMessage): Session {
    let open = 0;
    for (const entry of this.#sessions.values()) if (entry.target === target.key) open++;
    if (open >= target.sessionsMax)
      throw new Failure("OVERLOADED", `${target.sessionsMax} sessions of this server run already.`);
    const id = randomBytes(16).toString("hex");
    const org = orgOf(request);
    const onEnd = (): void => {
      this.#sessions.delete(id);
    };
    const session = target.openSession({ id, log: this.#log, onEnd }, org, request.headers);
    this.#sessions.set(id, { session, target: target.key, org, usedAt: this.#now() });
    return session;
  }

  /**
   * The session that a request names.
   *
   * @throws Failure 404, which makes a client initialize again, or 400 when it never did (MCP 2025-11-25 transports)
   */
  require(target: Target, request: IncomingMessage): Session {
    const id = request.headers["mcp-session-id"];
    if (id === undefined)
      throw new MessageError(
        -32600,
        "Send `initialize` first; every later request needs its Mcp-Session-Id.",
      );
    const entry = this.#sessions.get(String(id));
    if (entry?.target !== target.key || entry.org !== orgOf(request))
      throw new Failure(
        "SESSION_UNKNOWN",
        "There is no such session. Send `initialize` to begin a new one.",
      );
    entry.usedAt = this.#now();
    return entry.session;
  }

  /** Ends what nobody used since. */
  endIdle(oldest: number): void {
    for (const { session, usedAt } of [...this.#sessions.values()])
      if (session.isIdle && usedAt < oldest) session.close();
  }

  close(): void {
    for (const { session } of [...this.#sessions.values()]) session.close();
  }
}

/** The organisation that asks: sessions and shared processes are one organisation's. */
export function orgOf(request: IncomingMessage): string {
  return String(request.headers["x-gwo-org"] ?? "");
}
