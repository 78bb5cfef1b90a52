import { DOCUMENT } from "@angular/common";
import { DestroyRef, inject, signal, type Signal } from "@angular/core";

const REFRESH_MS = 15_000;

/** A pausable clock that a page's queries follow. */
export interface AutoRefresh {
  /** Counts up with every tick. */
  readonly tick: Signal<number>;
  readonly paused: Signal<boolean>;
  togglePaused(): void;
}

/**
 * Makes a clock that ticks every 15 seconds until the injection context ends. It rests while paused or while the
 * tab is hidden, and ticks at once when the tab is shown again after more than a period.
 */
export function createAutoRefresh(): AutoRefresh {
  const document = inject(DOCUMENT);
  const tick = signal(0);
  const paused = signal(false);
  let lastTickMs = Date.now();

  const tickWhenDue = (): void => {
    if (paused() || document.hidden || Date.now() - lastTickMs < REFRESH_MS) return;
    lastTickMs = Date.now();
    tick.update((count) => count + 1);
  };
  const timer = setInterval(tickWhenDue, 1_000);
  document.addEventListener("visibilitychange", tickWhenDue);
  inject(DestroyRef).onDestroy(() => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", tickWhenDue);
  });

  return {
    tick,
    paused,
    togglePaused: () => {
      paused.update((value) => !value);
      tickWhenDue();
    },
  };
}
