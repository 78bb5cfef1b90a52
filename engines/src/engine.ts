/**
 * What every embedded engine has in common: how it is asked for, what it hands back and how it
 * fails.
 */
export type EngineOptions = {
  /** Directory of the engine's own state. Made when missing; used by one process at a time. */
  readonly dataDir: string;
  /** TCP port on 127.0.0.1; 0 chooses a free one. */
  readonly port: number;
  /** File the engine's output is appended to. Its directory is made when missing. */
  readonly logFile: string;
  /** Called with one line per slow step (installing, initialising), without a newline. */
  readonly onProgress?: (line: string) => void;
};

export type EngineExit = { readonly code: number | null; readonly signal: string | null };

/** A running engine. It is ready for its client when the promise of this handle resolves. */
export type EngineHandle = {
  /** Connection URL for the real client, credentials included: a secret where it has a password. */
  readonly url: string;
  /** The engine's own process: `kill -9` on it is a crash of the engine. */
  readonly pid: number;
  /** Stops in order and resolves when the process is gone. Idempotent; never rejects. */
  stop(): Promise<void>;
  /** Resolves once the process has ended, for whatever reason; never rejects. */
  readonly exited: Promise<EngineExit>;
};

/** An engine that cannot start or be installed. `message` is the cause, `nextStep` what to do. */
export class EngineError extends Error {
  readonly nextStep: string;

  constructor(message: string, nextStep: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "EngineError";
    this.nextStep = nextStep;
  }
}
