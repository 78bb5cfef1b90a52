/** What a start tells while it works. Also sent by the background process to the one in front. */
export type ProgressEvent =
  | { readonly kind: "begin"; readonly step: string }
  | { readonly kind: "done"; readonly step: string; readonly ms: number; readonly note: string }
  | { readonly kind: "failed"; readonly step: string; readonly ms: number }
  | { readonly kind: "line"; readonly text: string };

export type ProgressSink = (event: ProgressEvent) => void;

export type Progress = {
  /** Runs a step and tells its beginning and end. The work may say lines of its own, or end with a note. */
  step<T>(step: string, work: (end: (note: string) => void) => Promise<T>): Promise<T>;
  readonly say: (text: string) => void;
};

export function createProgress(sink: ProgressSink, now: () => number): Progress {
  return {
    async step(step, work) {
      const began = now();
      let note = "";
      sink({ kind: "begin", step });
      try {
        const result = await work((text) => {
          note = text;
        });
        sink({ kind: "done", step, ms: now() - began, note });
        return result;
      } catch (error) {
        sink({ kind: "failed", step, ms: now() - began });
        throw error;
      }
    },
    say(text) {
      sink({ kind: "line", text });
    },
  };
}

/** Plain lines, for logs and pipes. */
export function plainRenderer(write: (text: string) => void): ProgressSink {
  return (event) => {
    if (event.kind !== "begin") write(`${lineOf(event)}\n`);
  };
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const ERASE_LINE = "\r\u001b[2K";

/** Finished steps as lines, and below them one moving line with what is being done. */
export function terminalRenderer(
  write: (text: string) => void,
  now: () => number,
  columns: () => number,
): ProgressSink {
  const running = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let frame = 0;
  return (event) => {
    if (event.kind === "begin") running.set(event.step, now());
    else {
      if (event.kind !== "line") running.delete(event.step);
      write(`${ERASE_LINE}${lineOf(event)}\n`);
    }
    if (running.size === 0) {
      clearInterval(timer);
      timer = undefined;
    } else {
      timer ??= setInterval(draw, 100).unref();
      draw();
    }
  };

  function draw(): void {
    frame = (frame + 1) % FRAMES.length;
    const steps = [...running].map(([step, began]) => `${step} ${seconds(now() - began)}`);
    const text = `${FRAMES[frame] ?? ""} ${steps.join(" · ")}`;
    write(`${ERASE_LINE}${text.slice(0, Math.max(20, columns() - 1))}\r`);
  }
}

function lineOf(event: Exclude<ProgressEvent, { kind: "begin" }>): string {
  switch (event.kind) {
    case "line":
      return event.text;
    case "failed":
      return `✗ ${event.step} ${seconds(event.ms)}`;
    case "done":
      return `✓ ${event.step} ${seconds(event.ms)}${event.note === "" ? "" : ` (${event.note})`}`;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
