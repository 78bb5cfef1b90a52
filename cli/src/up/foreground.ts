import { Problem, tellProblem } from "../problem.ts";
import { livingChildren, stopLeftovers } from "../supervise/children.ts";
import { hireUndertaker } from "../supervise/hire-undertaker.ts";
import { announce } from "./announce.ts";
import { layoutOf, type Layout } from "./layout.ts";
import { createProgress, type Progress } from "./progress.ts";
import { createReport, type Report } from "./report.ts";
import { startStack } from "./stack.ts";
import { lockStack } from "./stack-lock.ts";
import { listenForStop, type StopSignals } from "./stop-signals.ts";
import type { UpOptions } from "./up-options.ts";

/**
 * Runs a stack in this process until a signal stops it or a part of it cannot be kept alive.
 * Resolves with the exit code once everything it started has ended.
 */
export async function runForeground(options: UpOptions): Promise<number> {
  const report = createReport();
  const signals = listenForStop();
  const layout = layoutOf(options.directory);
  const progress = createProgress(report.sink, () => performance.now());
  try {
    const lock = lockStack(layout.directory);
    try {
      await stopKilledStack(layout, progress);
      await runLocked({ options, layout, report, signals, progress });
    } finally {
      lock.release();
    }
    return 0;
  } catch (error) {
    // Told last, so that it stands below what stopping has to say.
    await report.failed(tellProblem(error));
    return 1;
  }
}

async function runLocked(running: {
  options: UpOptions;
  layout: Layout;
  report: Report;
  signals: StopSignals;
  progress: Progress;
}): Promise<void> {
  const { options, layout, report, signals, progress } = running;
  const began = performance.now();
  const dismissUndertaker = hireUndertaker(layout.childrenFile);
  const { portMode, workers } = options;
  const stack = startStack({ layout, portMode, workers, env: process.env, progress });
  try {
    const ready = await Promise.race([stack.ready, stack.failed, signals.first]);
    if (ready instanceof Problem) throw ready;
    if (ready === "signal") return;
    const seconds = (performance.now() - began) / 1000;
    const { detached } = report;
    report.ready(announce(ready, { directory: layout.directory, seconds, detached }));
    const end = await Promise.race([stack.failed, signals.first]);
    if (end instanceof Problem) throw end;
  } finally {
    // A start that was interrupted fails; why is known.
    stack.ready.catch(() => undefined);
    signals.onFurther(() => {
      progress.say("! killing everything that is left");
      stack.kill();
    });
    await progress.step("stopping (Ctrl-C once more kills)", () => stack.stop());
    await dismissUndertaker();
  }
}

async function stopKilledStack(layout: Layout, progress: Progress): Promise<void> {
  const leftovers = livingChildren(layout.childrenFile);
  if (leftovers.length === 0) return;
  await progress.step(`stopping ${String(leftovers.length)} processes of a killed stack`, () =>
    stopLeftovers(leftovers),
  );
}
