import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { UpstreamBreaker } from "./breaker.ts";

// The specification's "circuit_breakers.mcp_server": 5 failures within 30 seconds, 30 seconds open, 3 half-open requests.
const SPECIFIED = { threshold: 5, windowMs: 30_000, openMs: 30_000, probes: 3 };

let breaker: UpstreamBreaker;

beforeEach(() => {
  jest.useFakeTimers();
  breaker = new UpstreamBreaker({ ...SPECIFIED, now: Date.now });
});

afterEach(() => {
  breaker.shutdown();
  jest.useRealTimers();
});

function fail(times: number): void {
  for (let i = 0; i < times; i++) {
    breaker.admit();
    breaker.failed();
  }
}

function open(): void {
  fail(5);
  expect(breaker.state).toBe("open");
}

function halfOpen(): void {
  open();
  jest.advanceTimersByTime(30_000);
  expect(breaker.state).toBe("half_open");
}

describe("UpstreamBreaker", () => {
  it("opens at the fifth failure within 30 seconds, not at the fourth", () => {
    fail(4);
    expect(breaker.state).toBe("closed");
    expect(breaker.admit()).toBe(true);
    breaker.failed();
    expect(breaker.state).toBe("open");
    expect(breaker.admit()).toBe(false);
  });

  it("counts failures of the last 30 seconds only", () => {
    fail(4);
    jest.advanceTimersByTime(30_001);
    fail(4);
    expect(breaker.state).toBe("closed");
    fail(1);
    expect(breaker.state).toBe("open");
  });

  it("forgets failures one by one, as they grow old", () => {
    fail(1);
    jest.advanceTimersByTime(15_000);
    fail(3);
    jest.advanceTimersByTime(15_001);
    fail(1);
    expect(breaker.state).toBe("closed");
    fail(1);
    expect(breaker.state).toBe("open");
  });

  it("is not opened by failures among many successes as long as they are few", () => {
    for (let i = 0; i < 4; i++) {
      fail(1);
      for (let j = 0; j < 100; j++) {
        breaker.admit();
        breaker.succeeded();
      }
    }
    expect(breaker.state).toBe("closed");
  });

  it("leaves the server alone for 30 seconds", () => {
    open();
    jest.advanceTimersByTime(29_999);
    expect(breaker.admit()).toBe(false);
    jest.advanceTimersByTime(1);
    expect(breaker.admit()).toBe(true);
  });

  it("lets three probes through when half open, and no more", () => {
    halfOpen();
    expect([1, 2, 3, 4, 5].map(() => breaker.admit())).toEqual([true, true, true, false, false]);
  });

  it("closes when all three probes went well", () => {
    halfOpen();
    for (let i = 0; i < 3; i++) breaker.admit();
    breaker.succeeded();
    breaker.succeeded();
    expect(breaker.state).toBe("half_open");
    breaker.succeeded();
    expect(breaker.state).toBe("closed");
    expect(breaker.admit()).toBe(true);
  });

  it("opens again for another 30 seconds at the first probe that fails", () => {
    halfOpen();
    breaker.admit();
    breaker.failed();
    expect(breaker.state).toBe("open");
    jest.advanceTimersByTime(29_999);
    expect(breaker.admit()).toBe(false);
    jest.advanceTimersByTime(1);
    expect([1, 2, 3, 4].map(() => breaker.admit())).toEqual([true, true, true, false]);
  });

  it("starts counting from nothing after it closed", () => {
    halfOpen();
    for (let i = 0; i < 3; i++) {
      breaker.admit();
      breaker.succeeded();
    }
    fail(4);
    expect(breaker.state).toBe("closed");
  });

  it("stays open no longer for calls that fail late, having begun before it opened", () => {
    for (let i = 0; i < 20; i++) breaker.admit();
    open();
    jest.advanceTimersByTime(20_000);
    for (let i = 0; i < 15; i++) breaker.failed();
    jest.advanceTimersByTime(10_000);
    expect(breaker.state).toBe("half_open");
  });
});
