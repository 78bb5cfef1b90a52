import {
  plainRenderer,
  terminalRenderer,
  type ProgressEvent,
  type ProgressSink,
} from "./progress.ts";

/** What a stack in the background tells the process that started it. */
export type SupervisorMessage =
  | { readonly kind: "progress"; readonly event: ProgressEvent }
  | { readonly kind: "ready"; readonly text: string }
  | { readonly kind: "failed"; readonly text: string };

/** Tells people how a start goes: on our own output, and through the process in front when there is one. */
export type Report = {
  /** True when a process in front has started us. */
  readonly detached: boolean;
  readonly sink: ProgressSink;
  ready(text: string): void;
  /** Resolves once it is told, so that we may exit. */
  failed(text: string): Promise<void>;
};

/** Renders progress on standard output, as its kind wants it. */
export function standardRenderer(): ProgressSink {
  const write = (text: string): void => void process.stdout.write(text);
  if (!process.stdout.isTTY) return plainRenderer(write);
  return terminalRenderer(
    write,
    () => performance.now(),
    () => process.stdout.columns,
  );
}

export function createReport(): Report {
  const render = standardRenderer();
  const detached = process.send !== undefined;
  return {
    detached,
    sink(event) {
      render(event);
      void toFront({ kind: "progress", event });
    },
    ready(text) {
      // The log of a stack in the background must not hold its secrets.
      process.stdout.write(detached ? "ready\n" : text);
      void toFront({ kind: "ready", text });
    },
    async failed(text) {
      process.stderr.write(`${text}\n`);
      await toFront({ kind: "failed", text });
    },
  };
}

/** Resolves also when the process in front has gone: then nobody listens. */
function toFront(message: SupervisorMessage): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || process.send === undefined) resolve();
    else
      process.send(message, undefined, undefined, () => {
        resolve();
      });
  });
}
