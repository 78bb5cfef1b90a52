import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Starts the undertaker. The returned function tells it that we end in order, and waits for its end. */
export function hireUndertaker(childrenFile: string): () => Promise<void> {
  const program = fileURLToPath(new URL("./undertaker.ts", import.meta.url));
  const args = ["--disable-warning=ExperimentalWarning", program, childrenFile];
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => {
      resolve();
    });
    // It cannot be started: the next start stops what we leave, as it does anyway.
    child.once("error", () => {
      resolve();
    });
  });
  child.stdin.on("error", () => undefined);
  return async () => {
    child.stdin.end(".");
    await ended;
  };
}
