import type { Failure } from "@gatewayops/platform/errors";
import type { Holdings } from "../stages/holdings.ts";
import type { CallListener, ServerCall } from "../upstream/server-call.ts";
import type { ServerMessage } from "../upstream/server-message.ts";
import { ASKED_MAX_MS } from "../upstream/legacy-call.ts";

/** Messages that are kept for a call while it waits. */
const KEPT_MAX = 64;

/** A call of a legacy server that waits for what the agent answers in its next request. */
export class ParkedCall implements CallListener {
  readonly call: ServerCall;
  /** What the server asks, by the key the agent answers under. */
  readonly asked: Map<string, ServerMessage>;
  readonly #kept: ((listener: CallListener) => void)[] = [];

  constructor(call: ServerCall, asked: Map<string, ServerMessage>) {
    this.call = call;
    this.asked = asked;
  }

  /** Goes on telling somebody, beginning with what was kept. */
  resume(listener: CallListener): void {
    this.call.listener = listener;
    for (const tell of this.#kept.splice(0)) tell(listener);
  }

  onAttempt(): void {
    return;
  }

  onNotification(message: ServerMessage): void {
    if (this.#kept.length < KEPT_MAX)
      this.#kept.push((listener) => void listener.onNotification(message));
  }

  onRequest(message: ServerMessage): void {
    this.#kept.push((listener) => {
      listener.onRequest(message);
    });
  }

  onAnswer(message: ServerMessage, status: number): void {
    this.#kept.push((listener) => {
      listener.onAnswer(message, status);
    });
  }

  onFailure(failure: Failure): void {
    this.#kept.push((listener) => {
      listener.onFailure(failure);
    });
  }
}

/** The parked calls of this worker, by id. */
export class ParkedCalls {
  readonly #parked = new Map<string, { call: ParkedCall; owner: string; timer: NodeJS.Timeout }>();
  readonly #holdings: Holdings;

  constructor(holdings: Holdings) {
    this.#holdings = holdings;
  }

  get size(): number {
    return this.#parked.size;
  }

  /**
   * @param owner id of the key whose call it is
   * @throws Failure RATE_LIMITED, OVERLOADED when too many wait
   */
  add(id: string, owner: string, call: ParkedCall): void {
    this.#holdings.take(owner);
    const timer = setTimeout(() => {
      this.take(id)?.call.cancel("the agent did not answer");
    }, ASKED_MAX_MS);
    timer.unref();
    this.#parked.set(id, { call, owner, timer });
  }

  /** Takes a call out, so that it goes on once only. */
  take(id: string): ParkedCall | undefined {
    const found = this.#parked.get(id);
    if (!found) return undefined;
    clearTimeout(found.timer);
    this.#parked.delete(id);
    this.#holdings.give(found.owner);
    return found.call;
  }

  close(): void {
    for (const id of [...this.#parked.keys()]) this.take(id)?.call.cancel("the gateway closes");
  }
}
