/** Where a call stands in `OpenCalls`; kept in the call itself. */
export type OpenSlot = {
  /** Its place, -1 while it is in none. Written by `OpenCalls` alone. */
  openSlot: number;
};

/**
 * The calls that are begun and not ended.
 *
 * An array in which each call knows its place, not a Set: V8's Set replaces its table every few dozen deletions and
 * keeps a pointer from the old table to the new one. Once one table has reached the old generation, each keeps its
 * successor alive with all the calls that stood in it, so that every call survives until the next full collection.
 */
export class OpenCalls<T extends OpenSlot> implements Iterable<T> {
  readonly #calls: T[] = [];

  get size(): number {
    return this.#calls.length;
  }

  has(call: T): boolean {
    return call.openSlot >= 0;
  }

  add(call: T): void {
    if (call.openSlot >= 0) return;
    call.openSlot = this.#calls.length;
    this.#calls.push(call);
  }

  /** Takes a call out; the last one takes its place. */
  delete(call: T): void {
    const slot = call.openSlot;
    if (slot < 0) return;
    call.openSlot = -1;
    const last = this.#calls.pop();
    if (last === undefined || last === call) return;
    last.openSlot = slot;
    this.#calls[slot] = last;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#calls.values();
  }
}
