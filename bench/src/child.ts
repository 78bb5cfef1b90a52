import { spawn, type ChildProcess } from "node:child_process";

export type ChildEnd = { readonly code: number; readonly stdout: string; readonly stderr: string };

/**
 * Runs a program to its end. It is a process group of its own, so that Ctrl-C reaches only us; an abort ends it with
 * SIGTERM, is waited for, and rejects.
 */
export async function runToEnd(
  file: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly signal?: AbortSignal },
): Promise<ChildEnd> {
  const { signal } = options;
  signal?.throwIfAborted();
  const child = spawn(file, args, {
    env: options.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const stop = (): void => void child.kill("SIGTERM");
  signal?.addEventListener("abort", stop);
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => (texts[name] += text));
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      // Not "close": a program that leaves others running leaves its pipes with them.
      child.once("exit", (exitCode) => {
        setImmediate(() => resolve(exitCode ?? 1));
      });
    });
    signal?.throwIfAborted();
    return { code, ...texts };
  } finally {
    signal?.removeEventListener("abort", stop);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** Ends a process: SIGTERM, and SIGKILL when that takes too long. */
export async function endChild(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await ended;
  clearTimeout(killer);
}
