import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Failure } from "@gatewayops/platform/errors";
import type { Logger } from "@gatewayops/platform/log";
import { MessageError } from "../mcp/message.ts";
import { unknownSession } from "../sessions/sessions.ts";
import type { Session } from "./session.ts";
import type { BridgedServer } from "./bridged-server.ts";

type Entry = {
  readonly session: Session;
  /** Key of its server. */
  readonly server: string;
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
  open(bridged: BridgedServer, request: IncomingMessage): Session {
    let open = 0;
    for (const entry of this.#sessions.values()) if (entry.server === bridged.key) open++;
    if (open >= bridged.sessionsMax)
      throw new Failure(
        "OVERLOADED",
        `${bridged.sessionsMax} sessions of this server run already.`,
      );
    const id = randomBytes(16).toString("hex");
    const org = orgOf(request);
    const onEnd = (): void => {
      this.#sessions.delete(id);
    };
    const session = bridged.openSession({ id, log: this.#log, onEnd }, org, request.headers);
    this.#sessions.set(id, { session, server: bridged.key, org, usedAt: this.#now() });
    return session;
  }

  /**
   * The session that a request names.
   *
   * @throws Failure 404, which makes a client initialize again, or 400 when it never did (MCP 2025-11-25 transports)
   */
  require(bridged: BridgedServer, request: IncomingMessage): Session {
    const id = request.headers["mcp-session-id"];
    if (id === undefined)
      throw new MessageError(
        -32600,
        "Send `initialize` first; every later request needs its Mcp-Session-Id.",
      );
    const entry = this.#sessions.get(String(id));
    if (entry?.server !== bridged.key || entry.org !== orgOf(request)) throw unknownSession();
    entry.usedAt = this.#now();
    return entry.session;
  }

  /**
   * Ends the session that a request names.
   *
   * @throws as `require`
   */
  end(bridged: BridgedServer, request: IncomingMessage): void {
    this.require(bridged, request);
    this.#end(String(request.headers["mcp-session-id"]));
  }

  /** Ends what nobody used since. */
  endIdle(oldest: number): void {
    for (const [id, entry] of this.#sessions)
      if (!entry.session.isIdle) entry.usedAt = this.#now();
      else if (entry.usedAt < oldest) this.#end(id);
  }

  close(): void {
    for (const id of this.#sessions.keys()) this.#end(id);
  }

  /** Closing may take a while; the session is known no longer from now on. */
  #end(id: string): void {
    const entry = this.#sessions.get(id);
    this.#sessions.delete(id);
    entry?.session.close();
  }
}

/** The organisation that asks: sessions and shared processes are one organisation's. */
export function orgOf(request: IncomingMessage): string {
  return String(request.headers["x-gwo-org"] ?? "");
}
