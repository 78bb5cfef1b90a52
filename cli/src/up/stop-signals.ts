/** Signals that ask us to stop. */
export type StopSignals = {
  /** Resolves with the first one. */
  readonly first: Promise<"signal">;
  /** Says what a further one does. */
  onFurther(kill: () => void): void;
};

/** Within this time a signal is the same one again: npm and the terminal both send it. */
const SAME_SIGNAL_MS = 500;

export function listenForStop(): StopSignals {
  let kill: (() => void) | undefined;
  let last: number | undefined;
  const first = new Promise<"signal">((resolve) => {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(name, () => {
        const now = performance.now();
        if (last !== undefined && now - last > SAME_SIGNAL_MS) kill?.();
        last = now;
        resolve("signal");
      });
  });
  return {
    first,
    onFurther(action) {
      kill = action;
    },
  };
}
