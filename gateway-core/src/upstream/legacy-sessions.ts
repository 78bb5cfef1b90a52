import { hash } from "node:crypto";
import { Failure } from "@gatewayops/platform/errors";
import type { Logger } from "@gatewayops/platform/log";
import type { Holdings } from "../stages/holdings.ts";
import {
  closeLegacySession,
  openLegacySession,
  sessionHeaders,
  type LegacySession,
  type SessionOpening,
} from "./legacy-session.ts";
import { exchangeMessages } from "./message-stream.ts";
import { readServerMessage, type ServerMessage } from "./server-message.ts";
import { canBeAsked } from "../mcp/askable.ts";
import { failureOfDispatch } from "./dispatch-errors.ts";
import type { Upstream } from "./upstream.ts";

/** A session as its holders use it. */
export type HeldSession = {
  readonly session: LegacySession;
  /** Gives it back. */
  release(): void;
  /** Gives it back as one that the server has lost. */
  discard(): void;
};

/** Who wants a session, of which server. */
export type SessionWish = SessionOpening & {
  readonly upstream: Upstream;
  readonly owner: string;
  /** Told what comes on the server's own stream while the session is held; only of sessions held alone. */
  readonly onMessage: (message: ServerMessage) => void;
};

type Pooled = {
  readonly owner: string;
  readonly session: LegacySession;
  readonly isShared: boolean;
  readonly stream: AbortController;
  holders: number;
  usedAt: number;
  onMessage: ((message: ServerMessage) => void) | undefined;
};

type Pool = { open: Pooled[]; opening: number; waiting: (() => void)[] };

const SWEEP_MAX_MS = 15_000;
/** Sessions of one owner with one server. */
const PER_OWNER_MAX = 32;
/** Calls that may share a session. */
const WAITING_MAX = 256;

/**
 * Sessions of the gateway's own with legacy servers, for agents that have none: one for each server, owner and set of
 * capabilities. An agent that can be asked something gets a session alone for each of its calls, since what a server
 * asks on its own stream says nothing of the call it belongs to.
 */
export class LegacySessions {
  readonly #pools = new Map<string, Pool>();
  readonly #now: () => number;
  readonly #log: Logger;
  readonly #idleMs: number;
  readonly #sweeper: NodeJS.Timeout;
  readonly #holdings: Holdings;

  /** @param options milliseconds that a session may be unused before it is ended */
  constructor(options: { now: () => number; log: Logger; sessions: Holdings; idleMs: number }) {
    this.#holdings = options.sessions;
    this.#idleMs = options.idleMs;
    this.#now = options.now;
    this.#log = options.log;
    this.#sweeper = setInterval(
      () => {
        this.#sweep();
      },
      Math.min(options.idleMs / 4, SWEEP_MAX_MS),
    );
    this.#sweeper.unref();
  }

  /** Sessions that are open. */
  get size(): number {
    return this.#holdings.size;
  }

  /**
   * Gives a session, an open one where there is one.
   *
   * @throws Failure RATE_LIMITED, OVERLOADED; what `openLegacySession` throws
   */
  async hold(wish: SessionWish, signal: AbortSignal): Promise<HeldSession> {
    const key = keyOf(wish);
    const isShared = !canBeAsked(wish.capabilities);
    for (;;) {
      // Anew after each wait: an emptied pool is dropped, and nobody would ever look into it again.
      const pool = this.#poolOf(key);
      const free = pool.open.find((one) => one.isShared || one.holders === 0);
      if (free) return this.#give(key, pool, free, wish);
      if (pool.open.length + pool.opening < (isShared ? 1 : PER_OWNER_MAX)) {
        const pooled = await this.#open(pool, wish, isShared, signal).finally(() => {
          this.#dropIfEmpty(key, pool);
        });
        return this.#give(key, pool, pooled, wish);
      }
      await this.#wait(pool, wish.upstream, signal);
    }
  }

  /** Ends the sessions of an owner with a server. */
  async endOf(upstream: Upstream, owner: string): Promise<void> {
    const prefix = ownerPrefix(upstream, owner);
    const closing: Promise<void>[] = [];
    for (const [key, pool] of this.#pools)
      if (key.startsWith(prefix)) closing.push(...pool.open.splice(0).map((one) => this.#end(one)));
    await Promise.all(closing);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    const open = [...this.#pools.values()].flatMap((pool) => pool.open.splice(0));
    this.#pools.clear();
    await Promise.all(open.map((one) => this.#end(one)));
  }

  #poolOf(key: string): Pool {
    const known = this.#pools.get(key);
    if (known) return known;
    const fresh: Pool = { open: [], opening: 0, waiting: [] };
    this.#pools.set(key, fresh);
    return fresh;
  }

  #wait(pool: Pool, upstream: Upstream, signal: AbortSignal): Promise<void> {
    if (pool.waiting.length >= WAITING_MAX) throw overloaded();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        pool.waiting = pool.waiting.filter((one) => one !== wake);
        const { reason } = signal as { readonly reason: Error };
        reject(reason instanceof Failure ? reason : failureOfDispatch(reason, upstream));
      };
      const wake = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      pool.waiting.push(wake);
    });
  }

  async #open(
    pool: Pool,
    wish: SessionWish,
    isShared: boolean,
    signal: AbortSignal,
  ): Promise<Pooled> {
    this.#holdings.take(wish.owner);
    pool.opening++;
    try {
      const session = await openLegacySession(wish.upstream, wish, signal);
      const pooled: Pooled = {
        owner: wish.owner,
        session,
        isShared,
        stream: new AbortController(),
        holders: 0,
        usedAt: this.#now(),
        onMessage: undefined,
      };
      pool.open.push(pooled);
      if (!isShared) void this.#listen(pooled);
      return pooled;
    } catch (error) {
      this.#holdings.give(wish.owner);
      throw error;
    } finally {
      pool.opening--;
      this.#wake(pool);
    }
  }

  #give(key: string, pool: Pool, pooled: Pooled, wish: SessionWish): HeldSession {
    pooled.holders++;
    pooled.usedAt = this.#now();
    if (!pooled.isShared) pooled.onMessage = wish.onMessage;
    let isHeld = true;
    const giveBack = (): void => {
      if (!isHeld) return;
      isHeld = false;
      pooled.holders--;
      pooled.usedAt = this.#now();
      pooled.onMessage = undefined;
      this.#wake(pool);
    };
    return {
      session: pooled.session,
      release: giveBack,
      discard: () => {
        giveBack();
        const at = pool.open.indexOf(pooled);
        if (at < 0) return;
        pool.open.splice(at, 1);
        this.#forget(pooled);
        this.#dropIfEmpty(key, pool);
      },
    };
  }

  /** Reads the server's own stream, where some servers send what they want of the agent. */
  async #listen(pooled: Pooled): Promise<void> {
    try {
      await exchangeMessages(pooled.session.upstream, {
        method: "GET",
        headers: sessionHeaders(pooled.session),
        endpoint: pooled.session.endpoint,
        body: null,
        signal: pooled.stream.signal,
        headTimeoutMs: pooled.session.upstream.timeoutMs,
        silenceMs: 0,
        onMessage: (bytes) => {
          const message = readServerMessage(bytes);
          if (message) pooled.onMessage?.(message);
        },
      });
    } catch (error) {
      // A server may have no such stream; a broken one costs what would have come on it.
      if (!pooled.stream.signal.aborted)
        this.#log.debug(
          { err: error, mcp_server: pooled.session.upstream.name },
          "a server's own stream ended",
        );
    }
  }

  #sweep(): void {
    const oldest = this.#now() - this.#idleMs;
    for (const [key, pool] of this.#pools) {
      const idle = pool.open.filter((one) => one.holders === 0 && one.usedAt <= oldest);
      pool.open = pool.open.filter((one) => !idle.includes(one));
      for (const one of idle) void this.#end(one);
      this.#dropIfEmpty(key, pool);
    }
  }

  #dropIfEmpty(key: string, pool: Pool): void {
    if (pool.open.length === 0 && pool.opening === 0 && pool.waiting.length === 0)
      this.#pools.delete(key);
  }

  async #end(pooled: Pooled): Promise<void> {
    this.#forget(pooled);
    await closeLegacySession(pooled.session);
  }

  #forget(pooled: Pooled): void {
    this.#holdings.give(pooled.owner);
    pooled.stream.abort();
  }

  #wake(pool: Pool): void {
    for (const wake of pool.waiting.splice(0)) wake();
  }
}

function ownerPrefix(upstream: Upstream, owner: string): string {
  return `${upstream.idText} ${owner} `;
}

function keyOf({ upstream, owner, capabilities, clientInfo, logLevel }: SessionWish): string {
  const said = hash("sha256", JSON.stringify([capabilities, clientInfo, logLevel]), "base64");
  return ownerPrefix(upstream, owner) + said;
}

function overloaded(): Failure {
  return new Failure("OVERLOADED", "Too many calls wait for a session. Try again later.", {
    retryAfterMs: 30_000,
    limit: "waiting_for_session",
  });
}
