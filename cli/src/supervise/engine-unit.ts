import type { EngineHandle } from "@gatewayops/engines/engine";
import type { Running } from "./running.ts";

/** An engine, which is up when it is handed out, as a running process. */
export function runningEngine(handle: EngineHandle): Running {
  return {
    pid: handle.pid,
    url: handle.url,
    up: Promise.resolve(true),
    exited: handle.exited,
    async stop() {
      await handle.stop();
      return (await handle.exited).signal === "SIGKILL";
    },
    kill() {
      try {
        process.kill(handle.pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    },
  };
}
