import { DestroyRef, effect, inject, signal, untracked, type Signal } from "@angular/core";
import { Code, ConnectError } from "@connectrpc/connect";

import { failureFrom, type RpcFailure } from "./failure.ts";

/** What a page shows of a call: its last data, its last failure, and whether one is under way. */
export interface Query<T> {
  readonly data: Signal<T | undefined>;
  readonly failure: Signal<RpcFailure | undefined>;
  readonly pending: Signal<boolean>;
  /** When the data came, in milliseconds since the epoch. */
  readonly loadedAtMs: Signal<number | undefined>;
  reload(): void;
}

export interface QueryOptions<P, T> {
  /** What to ask for; signals read here are followed. Undefined asks nothing. */
  readonly params: () => P | undefined;
  /** Asks. A call that is overtaken is aborted by the signal. */
  readonly load: (params: P, abort: AbortSignal) => Promise<T>;
  /** Every change of its value asks again with the same params. */
  readonly refresh?: Signal<number>;
  /** True: data of former params stays visible until the new data is there. Default false. */
  readonly keepPrevious?: boolean;
}

/**
 * Keeps the answer to a call in signals. A failed refresh leaves the data it could not renew in place; a failure for
 * new params clears what was there for the old ones.
 */
export function createQuery<P, T>(options: QueryOptions<P, T>): Query<T> {
  const data = signal<T | undefined>(undefined);
  const failure = signal<RpcFailure | undefined>(undefined);
  const pending = signal(false);
  const loadedAtMs = signal<number | undefined>(undefined);
  const reloads = signal(0);
  let shownParams: P | undefined;
  let controller = new AbortController();

  const run = async (params: P): Promise<void> => {
    controller.abort();
    controller = new AbortController();
    const { signal: abort } = controller;
    const renews = shownParams === params;
    if (!renews && options.keepPrevious !== true) data.set(undefined);
    if (!renews) failure.set(undefined);
    pending.set(true);
    try {
      const answer = await options.load(params, abort);
      if (abort.aborted) return;
      shownParams = params;
      data.set(answer);
      failure.set(undefined);
      loadedAtMs.set(Date.now());
    } catch (error) {
      if (abort.aborted || ConnectError.from(error).code === Code.Canceled) return;
      if (!renews) data.set(undefined);
      failure.set(failureFrom(error));
    }
    pending.set(false);
  };

  effect(() => {
    const params = options.params();
    options.refresh?.();
    reloads();
    if (params !== undefined) untracked(() => void run(params));
  });
  inject(DestroyRef).onDestroy(() => {
    controller.abort();
  });

  return {
    data: data.asReadonly(),
    failure: failure.asReadonly(),
    pending: pending.asReadonly(),
    loadedAtMs: loadedAtMs.asReadonly(),
    reload: () => {
      reloads.update((count) => count + 1);
    },
  };
}
