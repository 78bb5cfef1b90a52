import type { IncomingHttpHeaders } from "node:http";
import type { Redis } from "ioredis";
import { Pool } from "undici";
import type { Logger } from "@gatewayops/platform/log";
import { withDeadline } from "../control/deadline.ts";
import { forwardRequest, type Forwarded } from "../http/peer-forward.ts";

/** A worker by its own name, or any worker of a replica. */
export type PeerName = { readonly worker: string } | { readonly replica: string };

/** The way to another worker. */
export type PeerRoute = {
  readonly url: string;
  /** What the request must carry for that worker to take it. */
  readonly headers: Readonly<Record<string, string>>;
};

export type PeersOptions = {
  readonly redis: Redis;
  readonly log: Logger;
  /** Name of this worker. */
  readonly worker: string;
  readonly replicaId: string;
  readonly internalSecret: string;
};

/** Milliseconds for which a worker that says nothing counts as alive, and between its signs of life. */
const ALIVE_MS = 15_000;
const SIGN_MS = 4_000;
/** Milliseconds for which an address is believed. */
const BELIEVED_MS = 2_000;
const DEADLINE_MS = 1_000;
const ADDRESSES_MAX = 1_000;
const CONNECTIONS = 64;
/** Workers of a thousand replicas are not all spoken to; a pool that is put away finishes what it has. */
const POOLS_MAX = 256;

/** The workers of all replicas: where each can be reached by the others. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #addresses = new Map<string, { url: string | undefined; until: number }>();
  readonly #pools = new Map<string, Pool>();
  #timer: NodeJS.Timeout | undefined;
  #sign: () => void = () => undefined;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** Says where this worker can be reached, from now on. @param url "http://10.0.0.7:41234" */
  announce(url: string): void {
    this.#sign = () => {
      const { redis, worker, replicaId, log } = this.#options;
      redis
        .pipeline()
        .set(keyOf({ worker }), url, "PX", ALIVE_MS)
        .set(keyOf({ replica: replicaId }), url, "PX", ALIVE_MS)
        .exec()
        .catch((error: unknown) => {
          log.debug({ err: error }, "this worker could not say that it is alive");
        });
    };
    this.#sign();
    // The connection may not stand yet, and a Redis that comes back may have forgotten us.
    this.#options.redis.on("ready", this.#sign);
    this.#timer = setInterval(this.#sign, SIGN_MS);
  }

  /** Takes this worker out, and ends connections to others. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const { redis, worker } = this.#options;
    redis.off("ready", this.#sign);
    // A worker that could not say goodbye is forgotten by time.
    await redis.del(keyOf({ worker })).catch(() => 0);
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }

  /**
   * Hands a request over to another worker, which answers it.
   *
   * @returns true when that worker cannot be found: then the request is ours to answer
   */
  async forward(forwarded: Forwarded, peer: PeerName): Promise<boolean> {
    const route = await this.routeTo(peer, forwarded.request.headers);
    if (!route) return true;
    await forwardRequest(this.#poolOf(route.url), forwarded, route.headers);
    return false;
  }

  /**
   * Finds the way to another worker, for a request that it is to answer.
   *
   * @returns undefined when that worker cannot be found: then the request is ours to answer
   */
  async routeTo(peer: PeerName, headers: IncomingHttpHeaders): Promise<PeerRoute | undefined> {
    // One hop only: two workers that take each other for the owner must not play ball.
    if (headers[FORWARDED_HEADER] !== undefined) return undefined;
    const url = await this.#find(peer);
    if (url === undefined) return undefined;
    const { internalSecret } = this.#options;
    return { url, headers: { [PEER_SECRET_HEADER]: internalSecret, [FORWARDED_HEADER]: "1" } };
  }

  async #find(peer: PeerName): Promise<string | undefined> {
    const key = keyOf(peer);
    const known = this.#addresses.get(key);
    if (known && known.until > Date.now()) return known.url;
    let url: string | undefined;
    try {
      const found = await withDeadline(this.#options.redis.get(key), DEADLINE_MS, "Redis");
      url = found ?? undefined;
    } catch (error) {
      this.#options.log.debug({ err: error }, "a worker could not be looked up");
      return undefined;
    }
    if (this.#addresses.size >= ADDRESSES_MAX) this.#addresses.clear();
    this.#addresses.set(key, { url, until: Date.now() + BELIEVED_MS });
    return url;
  }

  #poolOf(url: string): Pool {
    const known = this.#pools.get(url);
    if (known) {
      this.#pools.delete(url);
      this.#pools.set(url, known);
      return known;
    }
    const pool = new Pool(url, { connections: CONNECTIONS, connect: { timeout: DEADLINE_MS } });
    this.#pools.set(url, pool);
    // Each start of a worker has another port: those used longest ago are of workers that are gone.
    const [oldest] = this.#pools;
    if (oldest && this.#pools.size > POOLS_MAX) {
      this.#pools.delete(oldest[0]);
      void oldest[1].close();
    }
    return pool;
  }
}

/** Headers of a request that one worker hands to another. */
export const PEER_SECRET_HEADER = "x-gwo-peer-secret";
export const FORWARDED_HEADER = "x-gwo-forwarded";

function keyOf(peer: PeerName): string {
  return "worker" in peer
    ? `gwo:{peers}:worker:${peer.worker}`
    : `gwo:{peers}:replica:${peer.replica}`;
}
