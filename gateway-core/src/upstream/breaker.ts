import CircuitBreaker from "opossum";
import { Failure } from "@gatewayops/platform/errors";

export type BreakerOptions = {
  /** Failures within the window that open the breaker. */
  readonly threshold: number;
  /** Milliseconds in which failures are counted together. */
  readonly windowMs: number;
  /** Milliseconds the breaker stays open before it lets probes through. */
  readonly openMs: number;
  /** Calls let through to see whether the server is well again. */
  readonly probes: number;
  readonly now: () => number;
};

/**
 * The circuit breaker of one MCP server. opossum keeps the state and the timer; the counts are ours, since opossum
 * counts percentages and lets one probe through, and the specification wants 5 failures in 30 seconds and 3 probes.
 */
export class UpstreamBreaker {
  readonly #options: BreakerOptions;
  readonly #state: CircuitBreaker;
  #failures: number[] = [];
  #probesOut = 0;
  #probesGood = 0;

  constructor(options: BreakerOptions) {
    this.#options = options;
    this.#state = new CircuitBreaker(() => Promise.resolve(), {
      timeout: false,
      // Never by opossum's own count: `open` is called here.
      errorThresholdPercentage: 101,
      resetTimeout: options.openMs,
      rollingCountTimeout: 10_000,
    });
    this.#state.on("halfOpen", () => {
      this.#probesOut = 0;
      this.#probesGood = 0;
    });
  }

  /** Milliseconds after which an open breaker lets probes through. */
  get openMs(): number {
    return this.#options.openMs;
  }

  get state(): "closed" | "open" | "half_open" {
    if (this.#state.halfOpen) return "half_open";
    return this.#state.opened ? "open" : "closed";
  }

  /** True when a call may be made. Every call admitted must report `succeeded`, `failed` or `abandoned`. */
  admit(): boolean {
    if (this.#state.halfOpen) {
      if (this.#probesOut >= this.#options.probes) return false;
      this.#probesOut++;
      return true;
    }
    return !this.#state.opened;
  }

  /** Takes an admission back: the call was not made, or its end says nothing about the server. */
  abandoned(): void {
    if (this.#state.halfOpen && this.#probesOut > 0) this.#probesOut--;
  }

  succeeded(): void {
    if (this.#state.halfOpen) {
      if (++this.#probesGood >= this.#options.probes) this.#close();
    } else if (this.#failures.length > 0) this.#forgetOld();
  }

  failed(): void {
    if (this.#state.halfOpen) {
      this.#state.open();
      return;
    }
    this.#forgetOld();
    this.#failures.push(this.#options.now());
    if (this.#failures.length >= this.#options.threshold) {
      this.#failures = [];
      this.#state.open();
    }
  }

  shutdown(): void {
    this.#state.shutdown();
  }

  #close(): void {
    this.#failures = [];
    this.#state.close();
  }

  #forgetOld(): void {
    const oldest = this.#options.now() - this.#options.windowMs;
    while (this.#failures[0] !== undefined && this.#failures[0] < oldest) this.#failures.shift();
  }
}

/** The refusal of a call to a server whose breaker is open. */
export function circuitOpen(server: string, breaker: Pick<UpstreamBreaker, "openMs">): Failure {
  const seconds = Math.ceil(breaker.openMs / 1000);
  return new Failure(
    "UPSTREAM_CIRCUIT_OPEN",
    `The MCP server ${server} has failed repeatedly and is left alone for a while. Try again in ${seconds} s.`,
    { retryAfterMs: breaker.openMs },
  );
}
