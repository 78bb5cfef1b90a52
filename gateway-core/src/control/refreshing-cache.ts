export type CacheOptions<T> = {
  /** Fetches a value; a rejection reaches everyone who waits for it. */
  readonly load: (key: string) => Promise<T>;
  /** Milliseconds a value is fresh. */
  readonly ttlMs: number;
  /** True: near the end of its time a value that is used is fetched again behind the caller's back. */
  readonly refreshAhead: boolean;
  /** Entries kept; the oldest go first. */
  readonly maxEntries: number;
  readonly now: () => number;
  readonly onHit?: () => void;
  readonly onMiss?: () => void;
};

type Entry<T> = { value: T; freshUntil: number; refreshAt: number; refreshing: boolean };

/** Part of its life after which a value is fetched again while it still serves. */
const REFRESH_AFTER = 0.8;
/** Milliseconds after which a refresh that failed is tried again. */
const REFRESH_AGAIN_MS = 1_000;

/**
 * Values fetched from a service and believed for a time. A hit is synchronous; concurrent misses of one key share
 * one fetch; a value that was dropped while it was being fetched is used once and not kept.
 */
export class RefreshingCache<T> {
  readonly #options: CacheOptions<T>;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #loading = new Map<string, Promise<T>>();
  /** Rises with every drop, so that a fetch begun before it is not believed after it. */
  #drops = 0;

  constructor(options: CacheOptions<T>) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value if it is here and fresh. */
  peek(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const now = this.#options.now();
    if (now >= entry.freshUntil) return undefined;
    if (now >= entry.refreshAt && !entry.refreshing) this.#refresh(key, entry);
    this.#options.onHit?.();
    return entry.value;
  }

  /** Fetches the value and keeps it. */
  load(key: string): Promise<T> {
    const running = this.#loading.get(key);
    if (running) return running;
    this.#options.onMiss?.();
    const drops = this.#drops;
    const loading = this.#options
      .load(key)
      .then((value) => {
        if (drops === this.#drops) this.#keep(key, value);
        return value;
      })
      .finally(() => {
        if (this.#loading.get(key) === loading) this.#loading.delete(key);
      });
    this.#loading.set(key, loading);
    return loading;
  }

  /** Drops the entries that fit. Fetches that run are not believed. */
  dropWhere(fits: (value: T, key: string) => boolean): void {
    this.#drops++;
    this.#loading.clear();
    for (const [key, entry] of this.#entries) if (fits(entry.value, key)) this.#entries.delete(key);
  }

  clear(): void {
    this.dropWhere(() => true);
  }

  #refresh(key: string, entry: Entry<T>): void {
    entry.refreshing = true;
    // A refresh that fails leaves the value until its time is up: then the next caller waits, and hears of it. One
    // that a drop overtook is not believed; the next caller begins another.
    this.load(key).then(
      () => {
        entry.refreshing = false;
      },
      () => {
        entry.refreshing = false;
        entry.refreshAt = this.#options.now() + REFRESH_AGAIN_MS;
      },
    );
  }

  #keep(key: string, value: T): void {
    const { now, ttlMs, maxEntries, refreshAhead } = this.#options;
    this.#entries.delete(key);
    if (this.#entries.size >= maxEntries) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    const at = now();
    this.#entries.set(key, {
      value,
      freshUntil: at + ttlMs,
      refreshAt: refreshAhead ? at + ttlMs * REFRESH_AFTER : Number.POSITIVE_INFINITY,
      refreshing: false,
    });
  }
}
