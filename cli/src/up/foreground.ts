import { Problem, tellProblem } from "../problem.ts";
import { livingChildren, stopLeftovers } from "../supervise/children.ts";
import { hireUndertaker } from "../supervise/hire-undertaker.ts";
import { announce } from "./announce.ts";
import type { SupervisorMessage } from "./detach.ts";
import { layoutOf } from "./layout.ts";
import { createProgress, plainRenderer, terminalRenderer, type ProgressSink } from "./progress.ts";
import { startStack, type SupervisedStack } from "./stack.ts";
import { lockStack } from "./stack-lock.ts";
import type { UpOptions } from "./up-options.ts";

/**
 * Runs a stack in this process until a signal stops it or a part of it cannot be kept alive.
 * Resolves with the exit code once everything it started has ended.
 */
export async function runForeground(options: UpOptions): Promise<number> {
  const began = performance.now();
  const layout = layoutOf(options.directory);
  const report = createReport();
  const signals = listenForStop();
  const lock = lockStack(layout.directory);
  const progress = createProgress(report.sink, () => performance.now());
  let stack: SupervisedStack | undefined;
  let dismissUndertaker: (() => Promise<void>) | undefined;
  try {
    const leftovers = livingChildren(layout.childrenFile);
    if (leftovers.length > 0)
      await progress.step(
        `stopping ${String(leftovers.length)} processes that a killed stack left`,
        () => stopLeftovers(leftovers),
      );
    dismissUndertaker = hireUndertaker(layout.childrenFile);
    stack = startStack({
      layout,
      portMode: options.portMode,
      workers: options.workers,
      env: process.env,
      progress,
    });
    const ready = await Promise.race([stack.ready, signals.first]);
    if (typeof ready === "object") {
      const seconds = (performance.now() - began) / 1000;
      report.ready(
        announce(ready, { directory: layout.directory, seconds, detached: report.detached }),
      );
      const end = await Promise.race([stack.failed, signals.first]);
      if (end instanceof Problem) throw end;
    }
    return 0;
  } catch (error) {
    report.failed(tellProblem(error));
    return 1;
  } finally {
    await stopInOrder(stack);
    await dismissUndertaker?.();
    lock.release();
  }

  async function stopInOrder(stack: SupervisedStack | undefined): Promise<void> {
    if (stack === undefined) return;
    // Its failure was told, or is that of a start that was interrupted.
    stack.ready.catch(() => undefined);
    signals.onFurther(() => {
      progress.say("! killing everything that is left");
      stack.kill();
    });
    await progress.step("stopping (once more Ctrl-C kills)", () => stack.stop());
  }
}

/** Tells people on the terminal, and the process in front when there is one. */
function createReport(): {
  sink: ProgressSink;
  ready(text: string): void;
  failed(text: string): void;
  detached: boolean;
} {
  const write = (text: string): void => void process.stdout.write(text);
  const render = process.stdout.isTTY
    ? terminalRenderer(
        write,
        () => performance.now(),
        () => process.stdout.columns,
      )
    : plainRenderer(write);
  const detached = process.send !== undefined;
  return {
    detached,
    sink(event) {
      render(event);
      toFront({ kind: "progress", event });
    },
    ready(text) {
      // The log of a stack in the background must not hold its secrets.
      write(detached ? "ready\n" : text);
      toFront({ kind: "ready", text });
    },
    failed(text) {
      process.stderr.write(`${text}\n`);
      toFront({ kind: "failed", text });
    },
  };

  function toFront(message: SupervisorMessage): void {
    // The process in front may have gone; then nobody listens.
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  }
}

/** SIGINT, SIGTERM and SIGHUP. The first stops; what a further one does is said later. */
function listenForStop(): { first: Promise<"signal">; onFurther(kill: () => void): void } {
  let kill: (() => void) | undefined;
  let seen = false;
  const first = new Promise<"signal">((resolve) => {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(name, () => {
        if (seen) kill?.();
        seen = true;
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
