/** A page of a server's list, before anything of it is left out. */
export type ListedPage = {
  /** JSON of each entry, in the server's own bytes. */
  readonly items: readonly Buffer[];
  /** Where the server's list goes on; undefined at its end. */
  readonly nextCursor: string | undefined;
  /** When it was listed, milliseconds since 1970. */
  readonly listedAt: number;
  /** Until when the server says that it is good. */
  readonly freshUntil: number;
};

/** Pages and bytes kept by one worker. */
const PAGES_MAX = 5_000;
const BYTES_MAX = 32 * 1024 * 1024;

/**
 * Pages of servers' lists: while the server says that they are good, and after that for when it does not answer. What an
 * agent may see of them is decided anew each time.
 */
export class ListCache {
  readonly #pages = new Map<string, { page: ListedPage; bytes: number }>();
  #bytes = 0;

  get(key: string): ListedPage | undefined {
    return this.#pages.get(key)?.page;
  }

  put(key: string, page: ListedPage): void {
    this.#drop(key);
    const bytes = page.items.reduce((sum, item) => sum + item.length, 200);
    if (bytes > BYTES_MAX / 4) return;
    this.#pages.set(key, { page, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= PAGES_MAX && this.#bytes <= BYTES_MAX) return;
      this.#drop(oldest);
    }
  }

  /** Forgets that pages of a server are good: it says that they have changed. */
  outdate(serverId: string): void {
    for (const [key, kept] of this.#pages)
      if (key.startsWith(`${serverId} `)) kept.page = { ...kept.page, freshUntil: 0 };
  }

  #drop(key: string): void {
    const kept = this.#pages.get(key);
    if (!kept) return;
    this.#pages.delete(key);
    this.#bytes -= kept.bytes;
  }
}
