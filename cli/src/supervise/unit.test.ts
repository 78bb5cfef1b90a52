import { describe, expect, it } from "@jest/globals";
import type { Problem } from "../problem.ts";
import type { Exit, Running } from "./running.ts";
import { createUnit, type Unit } from "./unit.ts";

const POLICY = { firstDelayMs: 1, maxDelayMs: 2, settledMs: 60_000, maxTries: 3 };

type Fake = { running: Running; end(exit: Exit): void; becomeUp(isUp: boolean): void };

function fakeProcess(pid: number): Fake {
  let end: (exit: Exit) => void = () => undefined;
  let becomeUp: (isUp: boolean) => void = () => undefined;
  const exited = new Promise<Exit>((resolve) => (end = resolve));
  const up = new Promise<boolean>((resolve) => (becomeUp = resolve));
  return {
    end,
    becomeUp,
    running: {
      pid,
      url: "",
      up,
      exited,
      stop: () => {
        end({ code: 0, signal: null });
        return Promise.resolve(false);
      },
      kill: () => {
        end({ code: null, signal: "SIGKILL" });
        becomeUp(false);
      },
    },
  };
}

/** A unit of fake processes; `next` waits for the process of the next start. */
function setUp(): {
  unit: Unit;
  next: () => Promise<Fake>;
  lines: string[];
  problem: Promise<Problem>;
} {
  const started: Fake[] = [];
  const waiting: ((fake: Fake) => void)[] = [];
  const lines: string[] = [];
  let giveUp: (problem: Problem) => void = () => undefined;
  const problem = new Promise<Problem>((resolve) => (giveUp = resolve));
  let pid = 0;
  const unit = createUnit({
    name: "svc",
    logFile: "/nonexistent/svc.log",
    startMs: 60_000,
    policy: POLICY,
    start: () => {
      const fake = fakeProcess(++pid);
      const waiter = waiting.shift();
      if (waiter === undefined) started.push(fake);
      else waiter(fake);
      return Promise.resolve(fake.running);
    },
    onProcess: () => undefined,
    say: (line) => lines.push(line),
    onGiveUp: giveUp,
  });
  const next = (): Promise<Fake> => {
    const fake = started.shift();
    return fake ? Promise.resolve(fake) : new Promise((resolve) => waiting.push(resolve));
  };
  return { unit, next, lines, problem };
}

async function startUp(stage: ReturnType<typeof setUp>): Promise<Fake> {
  const starting = stage.unit.start();
  const first = await stage.next();
  first.becomeUp(true);
  await starting;
  return first;
}

describe("createUnit", () => {
  it("says why a first start failed and where its log is", async () => {
    const stage = setUp();
    const starting = stage.unit.start();
    const first = await stage.next();
    first.end({ code: 3, signal: null });
    first.becomeUp(false);
    await expect(starting).rejects.toMatchObject({
      message: "svc ended while starting (code 3)",
      nextStep: "Read /nonexistent/svc.log, remove the cause and start again.",
    });
  });

  it("starts again what was killed, and tells both", async () => {
    const stage = setUp();
    const first = await startUp(stage);
    first.end({ code: null, signal: "SIGKILL" });
    const second = await stage.next();
    second.becomeUp(true);
    expect(second.running.pid).toBe(2);
    second.end({ code: null, signal: "SIGKILL" });
    await stage.next();
    expect(stage.lines[0]).toBe(
      "svc ended (signal SIGKILL); starting it again now. Log: /nonexistent/svc.log",
    );
    expect(stage.lines[1]).toMatch(/^svc is back \(pid 2, /);
  });

  it("gives up a process that ends again and again", async () => {
    const stage = setUp();
    (await startUp(stage)).end({ code: 1, signal: null });
    for (let turn = 0; turn < POLICY.maxTries; turn += 1) {
      const fake = await stage.next();
      fake.end({ code: 1, signal: null });
      fake.becomeUp(false);
    }
    expect((await stage.problem).message).toBe("svc ended 4 times in a row, last with code 1");
  });

  it("leaves alone what was stopped on purpose", async () => {
    const stage = setUp();
    await startUp(stage);
    await stage.unit.stop();
    expect(stage.lines).toEqual([]);
  });
});
