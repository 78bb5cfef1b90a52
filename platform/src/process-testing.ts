import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

/** A process of a test. */
export type ProcessRun = {
  readonly child: ChildProcess;
  /** Everything it wrote. */
  readonly output: () => string;
  readonly exited: Promise<number | null>;
  /** The first line that fits; fails when the process ends without one. */
  line(fits: (line: string) => boolean): Promise<string>;
};

/**
 * Runs a program with these arguments and this environment only.
 *
 * @param main path of its main.ts
 */
export function runProgram(
  main: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ProcessRun {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  const exited = once(child, "close").then(([code]) => code as number | null);
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
  return {
    child,
    output: () => text,
    exited,
    async line(fits) {
      const ended = exited.then(() => "ended" as const);
      for (;;) {
        const found = text.split("\n").slice(0, -1).find(fits);
        if (found !== undefined) return found;
        if ((await Promise.race([once(child.stdout, "data"), ended])) === "ended")
          throw new Error(`${main} ended: ${text}`);
      }
    },
  };
}
