import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { createLifecycle, type Lifecycle } from "./lifecycle.ts";
import { createLogger } from "./log.ts";

let warnings: string[];
let lifecycle: Lifecycle;
let closed: string[];

beforeEach(() => {
  warnings = [];
  closed = [];
  lifecycle = createLifecycle(
    createLogger({
      service: "test",
      level: "warn",
      format: "json",
      maskSensitive: false,
      write: (line) => warnings.push((JSON.parse(line) as { step: string }).step),
    }),
  );
});

afterEach(() => {
  jest.useRealTimers();
});

function step(name: string, close: () => unknown = () => undefined): void {
  lifecycle.onClose(name, async () => {
    await close();
    closed.push(name);
  });
}

describe("createLifecycle", () => {
  it("closes what was made last first, each when the one before is closed", async () => {
    let finish: (() => void) | undefined;
    step("first");
    step("second", () => new Promise<void>((resolve) => (finish = resolve)));
    step("third");
    const closing = lifecycle.close();
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(closed).toEqual(["third"]);
    finish?.();
    await closing;
    expect(closed).toEqual(["third", "second", "first"]);
  });

  it("says that it closes before the first step", async () => {
    let wasAborted = false;
    expect(lifecycle.signal.aborted).toBe(false);
    step("one", () => {
      wasAborted = lifecycle.signal.aborted;
    });
    await lifecycle.close();
    expect(wasAborted).toBe(true);
  });

  it("closes once, however often it is asked", async () => {
    step("one");
    await Promise.all([lifecycle.close(), lifecycle.close()]);
    await lifecycle.close();
    expect(closed).toEqual(["one"]);
  });

  it("goes on behind a step that fails, thrown or rejected, and says which", async () => {
    step("last");
    lifecycle.onClose("throws", () => {
      throw new Error("broken");
    });
    lifecycle.onClose("rejects", () => Promise.reject(new Error("broken")));
    await lifecycle.close();
    expect(closed).toEqual(["last"]);
    expect(warnings).toEqual(["rejects", "throws"]);
  });

  it("leaves a step behind that does not end within ten seconds", async () => {
    jest.useFakeTimers();
    step("last");
    lifecycle.onClose("hangs", () => new Promise(() => undefined));
    const closing = lifecycle.close();
    await jest.advanceTimersByTimeAsync(9_999);
    expect(closed).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    await closing;
    expect(closed).toEqual(["last"]);
    expect(warnings).toEqual(["hangs"]);
  });
});
