import type { Logger } from "./log.ts";

/**
 * What a process must close, closed in the reverse order of registration. Register a thing where it is made:
 * `lifecycle.onClose("postgres", () => pool.end())`.
 */
export type Lifecycle = {
  /** Aborted when closing begins. */
  readonly signal: AbortSignal;
  onClose(name: string, close: () => unknown): void;
  /** Closes everything, each step within its deadline. Further calls return the first one's promise. */
  close(): Promise<void>;
};

/** Milliseconds a step may take before it is left behind with a warning. */
const STEP_DEADLINE_MS = 10_000;

export function createLifecycle(log: Logger): Lifecycle {
  const steps: { name: string; close: () => unknown }[] = [];
  const controller = new AbortController();
  let closing: Promise<void> | undefined;
  return {
    signal: controller.signal,
    onClose(name, close) {
      steps.push({ name, close });
    },
    close() {
      closing ??= closeAll();
      return closing;
    },
  };

  async function closeAll(): Promise<void> {
    controller.abort();
    for (const step of steps.reverse()) {
      try {
        await withDeadline(Promise.resolve(step.close()), step.name);
      } catch (error) {
        log.warn({ err: error, step: step.name }, "closing failed");
      }
    }
  }
}

async function withDeadline(work: Promise<unknown>, name: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${name} did not close within ${STEP_DEADLINE_MS} ms`));
    }, STEP_DEADLINE_MS);
  });
  try {
    await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Closes on SIGTERM and SIGINT and exits with 0; a second signal exits at once. Only called in `main.ts`. */
export function closeOnSignals(lifecycle: Lifecycle, exit: (code: number) => void): void {
  let asked = false;
  const onSignal = (): void => {
    if (asked) {
      exit(1);
      return;
    }
    asked = true;
    void lifecycle.close().then(() => {
      exit(0);
    });
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}
