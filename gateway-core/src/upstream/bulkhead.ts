import { Failure } from "@gatewayops/platform/errors";

export type BulkheadOptions = {
  /** Calls in flight to one server. */
  readonly inFlight: number;
  /** Calls that may wait for one of them to end. */
  readonly queued: number;
  /** Milliseconds they may wait. */
  readonly waitMs: number;
};

/** Calls in flight of a whole worker. */
export class WorkerSlots {
  readonly max: number;
  taken = 0;

  constructor(max: number) {
    this.max = max;
  }
}

type Waiter = { readonly enter: () => void; readonly timer: NodeJS.Timeout };

/**
 * Holds the calls to one server apart from those to the others: a bounded number is in flight, a bounded number waits a
 * short while, the rest is refused. A server that answers nobody so costs the others nothing.
 */
export class Bulkhead {
  readonly #options: BulkheadOptions;
  readonly #worker: WorkerSlots;
  readonly #server: string;
  readonly #waiting: Waiter[] = [];
  #taken = 0;

  constructor(server: string, options: BulkheadOptions, worker: WorkerSlots) {
    this.#server = server;
    this.#options = options;
    this.#worker = worker;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes a slot if there is one. Who took one gives it back. */
  take(): boolean {
    // Who came first goes first.
    if (this.#waiting.length > 0 || !this.#hasRoom(this.#options.inFlight)) return false;
    this.#count();
    return true;
  }

  /**
   * As `take`, for messages that are no calls. Calls in flight may wait for the very answer or cancellation that they
   * bring, so as many again have room.
   */
  takeForNote(): boolean {
    if (!this.#hasRoom(2 * this.#options.inFlight)) return false;
    this.#count();
    return true;
  }

  /**
   * Waits for a slot.
   *
   * @throws Failure OVERLOADED
   */
  wait(): Promise<void> {
    const { queued, waitMs } = this.#options;
    if (this.#worker.taken >= this.#worker.max)
      return Promise.reject(
        overloaded("The gateway has as many calls in flight as it may.", "calls_of_worker"),
      );
    if (this.#waiting.length >= queued) return Promise.reject(this.#refusal());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(this.#refusal());
      }, waitMs);
      const waiter: Waiter = { enter: resolve, timer };
      this.#waiting.push(waiter);
    });
  }

  give(): void {
    this.#taken--;
    this.#worker.taken--;
    if (this.#waiting.length === 0 || !this.#hasRoom(this.#options.inFlight)) return;
    const next = this.#waiting.shift();
    if (!next) return;
    clearTimeout(next.timer);
    this.#count();
    next.enter();
  }

  #hasRoom(most: number): boolean {
    return this.#taken < most && this.#worker.taken < this.#worker.max;
  }

  #count(): void {
    this.#taken++;
    this.#worker.taken++;
  }

  #refusal(): Failure {
    return overloaded(
      `The MCP server ${this.#server} has as many calls in flight as it may (${this.#options.inFlight}), and none ended in time.`,
      "calls_of_server",
    );
  }
}

function overloaded(why: string, limit: "calls_of_server" | "calls_of_worker"): Failure {
  return new Failure("OVERLOADED", `${why} Nothing was sent. Try again later.`, {
    retryAfterMs: 1_000,
    limit,
  });
}
