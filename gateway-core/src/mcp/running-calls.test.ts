import { describe, expect, it } from "@jest/globals";
import { RunningCalls } from "./running-calls.ts";

describe("RunningCalls", () => {
  it("cancels the call of a session's request, however its id is written", () => {
    const running = new RunningCalls();
    const cancelled: string[] = [];
    running.add("session-1", '"caf\\u00e9"', () => cancelled.push("mine"));
    running.add("session-2", '"café"', () => cancelled.push("another session's"));
    running.add("session-1", "7", () => cancelled.push("a number"));
    expect(running.cancel("session-1", '"café"')).toBe(true);
    expect(cancelled).toEqual(["mine"]);
    expect(running.cancel("session-1", '"7"')).toBe(false);
    expect(running.cancel("session-1", " 7 ")).toBe(true);
    expect(cancelled).toEqual(["mine", "a number"]);
  });

  it("does not cancel what has ended", () => {
    const running = new RunningCalls();
    let times = 0;
    const end = running.add("session", "1", () => times++);
    end();
    expect(running.cancel("session", "1")).toBe(false);
    expect(times).toBe(0);
  });

  it("keeps the newer of two calls with one id when the older ends", () => {
    const running = new RunningCalls();
    const endOlder = running.add("session", "1", () => undefined);
    let cancelled = false;
    running.add("session", "1", () => (cancelled = true));
    endOlder();
    expect(running.cancel("session", "1")).toBe(true);
    expect(cancelled).toBe(true);
  });
});
