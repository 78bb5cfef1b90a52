import { Failure } from "@gatewayops/platform/errors";
import type { Logger } from "@gatewayops/platform/log";
import type { Principal } from "../control/principal.ts";
import type { SessionIds } from "./session-ids.ts";
import type { ExpiredSession, SessionState, SessionStore } from "./session-store.ts";

export type SessionsOptions = {
  readonly ids: SessionIds;
  readonly store: SessionStore;
  /** Milliseconds after its last use at which a session ends: `GWO_SESSION_TTL`. */
  readonly ttlMs: number;
  /** Tells the other workers that what they remember of a session is not so any more. Never rejects. */
  readonly tellChanged: (id: string) => Promise<void>;
  /** Ends what a session holds at MCP servers. Its errors are logged. */
  readonly release: (state: SessionState) => Promise<void>;
  readonly log: Logger;
  readonly now: () => number;
};

/** Sessions remembered by one worker: some hundred bytes each. Others are read from Redis when they are used. */
const REMEMBERED_MAX = 1_000;
/** Part of the time to live that may pass before the store is told of a use. */
const TOUCH_PART = 1 / 20;
/** Part of the time to live after which the store is told of a use that lasts. */
const HELD_PART = 1 / 4;
/** Sessions that are taken out of the store in one go, and ended at a time. */
const SWEEP_MAX = 100;
const SWEEP_AT_ONCE = 20;
/** Tries to change a session that others change at the same time. */
const CHANGE_TRIES = 5;

/** A session of an agent. */
export type AgentSession = { readonly id: string; readonly state: SessionState };

type Remembered = { readonly state: SessionState; touchedAt: number };

/**
 * Sessions of the legacy era as this worker sees them. Any worker of any replica serves any session: its state is in
 * the store, and remembered here while it is used.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  /** In the order of their last use: the first is the first to be forgotten. */
  readonly #remembered = new Map<string, Remembered>();
  /** Sessions with requests under way: how many, and when the store was told last. */
  readonly #held = new Map<string, { count: number; touchedAt: number }>();
  readonly #listeners = new Set<(id: string) => void>();
  /** Changes heard of. */
  #forgotten = 0;
  #sweeper: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Sessions that this worker has in memory. */
  get remembered(): number {
    return this.#remembered.size;
  }

  /** Begins to end sessions that nobody uses. */
  start(): void {
    const everyMs = Math.min(Math.max(this.#options.ttlMs / 10, 250), 15_000);
    this.#sweeper = setInterval(() => void this.tick(), everyMs);
  }

  stop(): void {
    clearInterval(this.#sweeper);
  }

  /**
   * The session of an id, at once when this worker remembers it.
   *
   * @param server name of the server in the path; empty for the aggregated one
   * @throws Failure SESSION_UNKNOWN when there is none or it is not this principal's; STORE_UNAVAILABLE
   */
  find(id: string, principal: Principal, server: string): SessionState | Promise<SessionState> {
    const known = this.#remembered.get(id);
    if (
      known?.state.keyId === principal.keyIdText &&
      known.state.orgId === principal.orgIdText &&
      known.state.server === server
    ) {
      this.#use(id, known);
      return known.state;
    }
    // 404 makes a client initialize again (MCP 2025-11-25 transports §Session Management).
    if (!this.#options.ids.isOf(id, principal, server)) throw unknownSession();
    return this.#load(id);
  }

  /**
   * A session's state as the store has it.
   *
   * @throws Failure SESSION_UNKNOWN; STORE_UNAVAILABLE
   */
  async reread(id: string): Promise<SessionState> {
    const state = await stored(this.#options.store.get(id));
    if (!state) throw unknownSession();
    return state;
  }

  /**
   * Begins a session.
   *
   * @throws Failure STORE_UNAVAILABLE
   */
  async open(principal: Principal, state: SessionState): Promise<string> {
    const id = this.#options.ids.create(principal, state.server);
    await stored(this.#options.store.put(id, state, this.#options.ttlMs));
    this.#remember(id, state);
    return id;
  }

  /**
   * Changes a session's state, for all workers.
   *
   * @throws Failure SESSION_UNKNOWN when it ended meanwhile; STORE_UNAVAILABLE
   */
  async change(id: string, edit: (state: SessionState) => SessionState): Promise<SessionState> {
    for (let attempt = 0; attempt < CHANGE_TRIES; attempt++) {
      const before = await stored(this.#options.store.get(id));
      if (!before) throw unknownSession();
      const after = edit(before);
      if (!(await stored(this.#options.store.replace(id, before, after)))) continue;
      this.#remember(id, after);
      // Before the agent is answered: its next request may reach a worker that remembers the state from before.
      await this.#options.tellChanged(id);
      this.#notify(id);
      return after;
    }
    throw new Failure("CONFLICT", "The session is being changed by too many requests at once.");
  }

  /** Ends a session and what it holds. @returns false when it had ended before */
  async end(id: string): Promise<boolean> {
    const state = await stored(this.#options.store.get(id));
    const ended = await stored(this.#options.store.remove(id));
    this.forget(id);
    await this.#options.tellChanged(id);
    if (state && ended) await this.#options.release(state);
    return ended;
  }

  /**
   * Keeps a session from ending while something of it is under way: an open stream may be silent for longer than
   * sessions live.
   *
   * @returns how to let go
   */
  hold(id: string): () => void {
    const held = this.#held.get(id) ?? { count: 0, touchedAt: this.#options.now() };
    this.#held.set(id, held);
    held.count++;
    return () => {
      if (--held.count === 0 && this.#held.get(id) === held) this.#held.delete(id);
    };
  }

  /** Does what is due: notes that held sessions are in use, and ends those whose time is up. */
  async tick(): Promise<void> {
    const { now, ttlMs } = this.#options;
    const due = [...this.#held].filter(([, held]) => now() - held.touchedAt >= ttlMs * HELD_PART);
    await Promise.all(
      due.map(([id, held]) => {
        held.touchedAt = now();
        return this.#touch(id);
      }),
    );
    await this.sweep();
  }

  /** Drops what is remembered of a session, because it was changed elsewhere. */
  forget(id: string): void {
    this.#forgotten++;
    this.#remembered.delete(id);
    this.#notify(id);
  }

  /** Drops everything remembered, because changes may have been missed. */
  forgetAll(): void {
    this.#forgotten++;
    const ids = [...this.#remembered.keys()];
    this.#remembered.clear();
    for (const id of ids) this.#notify(id);
  }

  /** Calls back when a session was changed or ended, here or elsewhere. @returns how to stop that */
  onChange(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends all sessions whose time is up, here and at their servers. One sweep at a time. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweepAll().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async #sweepAll(): Promise<void> {
    const { store, log } = this.#options;
    try {
      // Taken in parts, so that little is lost with a worker that dies meanwhile, and others help.
      for (;;) {
        const expired = await store.takeExpired(SWEEP_MAX);
        await this.#endAll(expired);
        if (expired.length < SWEEP_MAX) return;
      }
    } catch (error) {
      log.debug({ err: error }, "expired sessions could not be looked for");
    }
  }

  async #endAll(expired: readonly ExpiredSession[]): Promise<void> {
    for (let at = 0; at < expired.length; at += SWEEP_AT_ONCE)
      await Promise.all(
        expired.slice(at, at + SWEEP_AT_ONCE).map(async ({ id, state }) => {
          this.forget(id);
          await this.#options.tellChanged(id);
          await this.#options.release(state);
        }),
      );
  }

  async #load(id: string): Promise<SessionState> {
    const forgotten = this.#forgotten;
    const state = await this.reread(id);
    // What was read while a change was heard of may be from before it.
    if (forgotten === this.#forgotten) this.#remember(id, state);
    void this.#touch(id);
    return state;
  }

  #remember(id: string, state: SessionState): void {
    this.#remembered.delete(id);
    this.#remembered.set(id, { state, touchedAt: this.#options.now() });
    if (this.#remembered.size <= REMEMBERED_MAX) return;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }

  #use(id: string, known: Remembered): void {
    const now = this.#options.now();
    if (now - known.touchedAt < this.#options.ttlMs * TOUCH_PART) return;
    known.touchedAt = now;
    this.#remembered.delete(id);
    this.#remembered.set(id, known);
    void this.#touch(id);
  }

  /** Redis away: the session may end early, and the agent begins a new one. */
  async #touch(id: string): Promise<void> {
    try {
      await this.#options.store.touch(id, this.#options.ttlMs);
    } catch (error) {
      this.#options.log.debug({ err: error }, "a session's use could not be noted");
    }
  }

  #notify(id: string): void {
    for (const listener of [...this.#listeners]) listener(id);
  }
}

export function unknownSession(): Failure {
  return new Failure(
    "SESSION_UNKNOWN",
    "There is no such session. Send `initialize` to begin a new one.",
  );
}

async function stored<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new Failure("STORE_UNAVAILABLE", "Sessions cannot be looked up. Try again shortly.", {
      retryAfterMs: 2_000,
      cause: error,
    });
  }
}
