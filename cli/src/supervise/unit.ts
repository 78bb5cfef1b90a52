import { setTimeout as delay } from "node:timers/promises";
import { Problem } from "../problem.ts";
import { sizeOfLog, tailOfLog } from "./log-files.ts";
import { decideRestart, RESTART_POLICY, type RestartPolicy } from "./restart-policy.ts";
import { tellExit, type Running } from "./running.ts";

export type UnitOptions = {
  readonly name: string;
  readonly logFile: string;
  /** Starts the process, on the same port and data each time. */
  readonly start: () => Promise<Running>;
  /** Called with each new process, as soon as it has a pid. */
  readonly onProcess: (running: Running) => void;
  /** Called with a line for people. */
  readonly say: (line: string) => void;
  /** Called once when it cannot be kept alive. */
  readonly onGiveUp: (problem: Problem) => void;
  /** Milliseconds that the first start may take. Restarts wait for as long as the process lives. */
  readonly startMs: number;
  /** What keeps a running process from being up, in words; undefined when nothing is known. */
  readonly whyNotUp?: () => Promise<string | undefined>;
  readonly policy?: RestartPolicy;
};

/** A process that is kept alive. */
export type Unit = {
  readonly name: string;
  /** Starts it and resolves once it is up. Throws Problem when it does not come up. */
  start(): Promise<Running>;
  /** Stops it for good. Resolves with true when it had to be killed. */
  stop(): Promise<boolean>;
  /** Kills it at once, for good. */
  kill(): void;
};

export function createUnit(options: UnitOptions): Unit {
  const { name, logFile, say } = options;
  const policy = options.policy ?? RESTART_POLICY;
  const stopping = new AbortController();
  let current: Promise<Running> | undefined;
  let logStart = 0;
  return {
    name,
    async start() {
      const running = await begin();
      let hindrance: string | undefined;
      const timer = setTimeout(() => {
        void (options.whyNotUp?.() ?? Promise.resolve(undefined)).then((why) => {
          hindrance = `was not up after ${seconds(options.startMs)}${why === undefined ? "" : `: ${why}`}`;
          running.kill();
        });
      }, options.startMs);
      const isUp = await running.up;
      clearTimeout(timer);
      if (!isUp) throw await notStarted(running, hindrance);
      void keepAlive(running);
      return running;
    },
    async stop() {
      stopping.abort();
      // What is just being started is stopped as soon as it can be.
      const running = await current?.catch(() => undefined);
      return (await running?.stop()) ?? false;
    },
    kill() {
      stopping.abort();
      current?.then(
        (running) => {
          running.kill();
        },
        () => undefined,
      );
    },
  };

  async function begin(): Promise<Running> {
    logStart = sizeOfLog(logFile);
    current = options.start();
    const running = await current;
    options.onProcess(running);
    return running;
  }

  async function keepAlive(first: Running): Promise<void> {
    let running: Running | undefined = first;
    let upSince: number | undefined = performance.now();
    let tries = 0;
    for (;;) {
      const how = running === undefined ? "did not start" : tellExit(await running.exited);
      if (stopping.signal.aborted) return;
      const diedAt = performance.now();
      const upMs = upSince === undefined ? 0 : diedAt - upSince;
      const decision = decideRestart(policy, { upMs, tries });
      if (decision.kind === "give up") {
        options.onGiveUp(givenUp(how, decision.tries));
        return;
      }
      tries = decision.tries;
      const wait = decision.delayMs === 0 ? "now" : `in ${String(decision.delayMs / 1000)} s`;
      say(`${name} ended (${how}); starting it again ${wait}. Log: ${logFile}`);
      try {
        await delay(decision.delayMs, undefined, { signal: stopping.signal });
      } catch {
        // We are stopping.
        return;
      }
      upSince = undefined;
      running = await beginAgain();
      if (running === undefined || !(await running.up)) continue;
      upSince = performance.now();
      say(`${name} is back (pid ${String(running.pid)}, ${seconds(upSince - diedAt)})`);
    }
  }

  async function beginAgain(): Promise<Running | undefined> {
    try {
      return await begin();
    } catch (error) {
      say(`${name} did not start: ${(error as Error).message}`);
      return undefined;
    }
  }

  async function notStarted(running: Running, hindrance: string | undefined): Promise<Problem> {
    const how = hindrance ?? `ended while starting (${tellExit(await running.exited)})`;
    return new Problem(
      `${name} ${how}${lastLines()}`,
      `Read ${logFile}, remove the cause and start again.`,
    );
  }

  function givenUp(how: string, tries: number): Problem {
    return new Problem(
      `${name} ended ${String(tries + 1)} times in a row, last with ${how}${lastLines()}`,
      `Read ${logFile}, remove the cause and start again.`,
    );
  }

  function lastLines(): string {
    const tail = tailOfLog(logFile, logStart);
    return tail === "" ? "" : `:\n${tail.replace(/^/gm, "    ")}`;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
