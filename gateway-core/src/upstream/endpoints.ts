import type { Dispatcher, Pool } from "undici";
import type { Discovered, Instance } from "./discovery.ts";

/** Where a request is sent. */
export type Endpoint = {
  /** Address and port, by which a session finds it again; empty where there is only one. */
  readonly name: string;
  readonly pool: Dispatcher;
};

export type EndpointsOptions = {
  readonly discover: () => Promise<Discovered>;
  /** Connections to one instance. */
  readonly open: (instance: Instance) => Pool;
  /** Longest time in milliseconds for which an answer of DNS is believed. */
  readonly intervalMs: number;
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
};

type Kept = Endpoint & {
  readonly pool: Pool;
  instance: Instance;
  /** Connections that failed one after the other. */
  failures: number;
  /** Until when it is left alone, milliseconds since 1970. */
  ejectedUntil: number;
};

const TTL_MIN_MS = 1_000;
const EJECT_MS = 1_000;
const EJECT_MAX_MS = 60_000;

/**
 * The instances of a server that DNS names. Asked again as its answers grow old, while the old ones serve. One that
 * cannot be connected to is left alone for a time that doubles; never all of them.
 */
export class Endpoints {
  readonly #options: EndpointsOptions;
  #kept = new Map<string, Kept>();
  #expiresAt = 0;
  #refreshing: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: EndpointsOptions) {
    this.#options = options;
  }

  /** Instances, and how many of them are left alone. */
  get counts(): { readonly known: number; readonly ejected: number } {
    const now = this.#options.now();
    const ejected = [...this.#kept.values()].filter((one) => one.ejectedUntil > now).length;
    return { known: this.#kept.size, ejected };
  }

  /**
   * Chooses where a request goes.
   *
   * @param wanted name of the instance that has the request's session; empty for any. Another is given when it is gone
   * @throws Error of DNS while it has never answered
   */
  pick(wanted: string): Endpoint | Promise<Endpoint> {
    const { now } = this.#options;
    if (now() >= this.#expiresAt) {
      const refreshed = this.#refresh();
      if (this.#kept.size === 0) return refreshed.then(() => this.#choose(wanted));
      // The old ones serve meanwhile, and go on if DNS does not answer.
      refreshed.catch(() => undefined);
    }
    return this.#choose(wanted);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#kept.values()].map(({ pool }) => pool.close()));
  }

  #choose(wanted: string): Endpoint {
    const { now, random } = this.#options;
    const held = wanted === "" ? undefined : this.#kept.get(wanted);
    const time = now();
    if (held && held.ejectedUntil <= time) return held;
    const all = [...this.#kept.values()];
    const healthy = all.filter((one) => one.ejectedUntil <= time);
    const candidates = first(healthy.length > 0 ? healthy : all);
    // Of two drawn by weight the one with less to do: nearly as even as asking all, without their all being alike.
    const one = draw(candidates, random());
    const other = draw(candidates, random());
    return other.pool.stats.size < one.pool.stats.size ? other : one;
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#discover().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #discover(): Promise<void> {
    const { discover, intervalMs, now } = this.#options;
    // Should DNS not answer, it is not asked again by every request.
    this.#expiresAt = this.#kept.size > 0 ? now() + TTL_MIN_MS : 0;
    const { instances, ttlMs } = await discover();
    if (this.#isClosed) throw new Error("the connections to the server were closed");
    this.#expiresAt = now() + Math.max(TTL_MIN_MS, Math.min(ttlMs ?? intervalMs, intervalMs));
    const before = this.#kept;
    this.#kept = new Map(
      instances.map((instance) => {
        const name = nameOf(instance);
        const known = before.get(name);
        if (known) known.instance = instance;
        return [name, known ?? this.#open(name, instance)];
      }),
    );
    // What is under way there ends there.
    for (const [name, { pool }] of before) if (!this.#kept.has(name)) void pool.close();
  }

  #open(name: string, instance: Instance): Kept {
    const pool = this.#options.open(instance);
    const kept: Kept = { name, pool, instance, failures: 0, ejectedUntil: 0 };
    pool.on("connect", () => {
      kept.failures = 0;
      kept.ejectedUntil = 0;
    });
    pool.on("connectionError", () => {
      const now = this.#options.now();
      // Connections that were being made when the first one failed say nothing more.
      if (kept.ejectedUntil > now) return;
      kept.ejectedUntil = now + Math.min(EJECT_MS * 2 ** kept.failures++, EJECT_MAX_MS);
      // It may have moved.
      this.#expiresAt = Math.min(this.#expiresAt, now + TTL_MIN_MS);
    });
    return kept;
  }
}

/** Those of the lowest priority (RFC 2782). */
function first(all: readonly Kept[]): readonly Kept[] {
  const lowest = Math.min(...all.map(({ instance }) => instance.priority));
  return all.filter(({ instance }) => instance.priority === lowest);
}

function draw(candidates: readonly Kept[], random: number): Kept {
  let left = random * candidates.reduce((sum, { instance }) => sum + instance.weight, 0);
  for (const one of candidates) {
    left -= one.instance.weight;
    if (left < 0) return one;
  }
  const last = candidates.at(-1);
  if (!last) throw new Error("DNS named no instance");
  return last;
}

function nameOf({ address, port }: Instance): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
