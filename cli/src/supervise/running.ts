/** How a process ended. */
export type Exit = { readonly code: number | null; readonly signal: string | null };

/** A started process, whether ours or an engine's. */
export type Running = {
  readonly pid: number;
  /** Where it is reached. */
  readonly url: string;
  /** Resolves with true once it is up, with false when it ended before. */
  readonly up: Promise<boolean>;
  /** Resolves once it has ended, for whatever reason. */
  readonly exited: Promise<Exit>;
  /** Asks it to stop and waits. Resolves with true when it had to be killed. */
  stop(): Promise<boolean>;
  /** Kills it at once. */
  kill(): void;
};

/** "code 1", "signal SIGKILL". */
export function tellExit(exit: Exit): string {
  return exit.signal === null ? `code ${String(exit.code)}` : `signal ${exit.signal}`;
}
