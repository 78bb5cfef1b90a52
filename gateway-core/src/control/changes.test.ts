import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { INVALIDATION_CHANNEL, INVALIDATION_COUNTER } from "@gatewayops/platform/invalidation";
import { createLogger } from "@gatewayops/platform/log";
import type { Redis } from "ioredis";
import { ChangeListener } from "./changes.ts";

const log = createLogger({
  service: "test",
  level: "silent",
  format: "json",
  maskSensitive: false,
});

/** Stands for Redis: a subscription connection that the test speaks for, and the counter. */
class FakeRedis extends EventEmitter {
  counter: number | undefined = 0;
  isAway = false;
  readonly subscribed: { channel: string; resolve: () => void }[] = [];

  subscribe(channel: string): Promise<void> {
    return new Promise((resolve) => {
      this.subscribed.push({ channel, resolve });
    });
  }

  get(key: string): Promise<string | null> {
    if (this.isAway) return Promise.reject(new Error("away"));
    expect(key).toBe(INVALIDATION_COUNTER);
    return Promise.resolve(this.counter === undefined ? null : String(this.counter));
  }

  /** Publishes change number n as the services do; delivery may fail. */
  publish(sequence: number, isDelivered = true): void {
    this.counter = sequence;
    if (isDelivered) this.deliver(sequence);
  }

  deliver(sequence: number): void {
    const change = { kind: "key", orgId: "o", keyId: String(sequence) };
    this.emit("message", INVALIDATION_CHANNEL, `${sequence} ${JSON.stringify(change)}`);
  }
}

let fake: FakeRedis;
let applied: string[];
let clears: number;
let listener: ChangeListener;

beforeEach(async () => {
  jest.useFakeTimers();
  fake = new FakeRedis();
  applied = [];
  clears = 0;
  listener = new ChangeListener({
    subscriber: fake as unknown as Redis,
    redis: fake as unknown as Redis,
    log,
    apply: (change) => applied.push(change.kind === "key" ? change.keyId : change.kind),
    clear: () => clears++,
  });
  listener.start();
  fake.emit("ready");
  for (const { resolve } of fake.subscribed) resolve();
  await beat();
  clears = 0;
});

afterEach(() => {
  listener.stop();
  jest.useRealTimers();
});

/** One look at the counter. */
async function beat(): Promise<void> {
  await jest.advanceTimersByTimeAsync(400);
}

describe("ChangeListener", () => {
  it("follows the channel of changes and applies what it says", async () => {
    expect(fake.subscribed.map(({ channel }) => channel)).toEqual([INVALIDATION_CHANNEL]);
    fake.publish(1);
    fake.publish(2);
    expect(applied).toEqual(["1", "2"]);
    await beat();
    await beat();
    expect(clears).toBe(0);
  });

  it("drops everything when a number is missing, and still applies the change", () => {
    fake.publish(1);
    fake.publish(3);
    expect(clears).toBe(1);
    expect(applied).toEqual(["1", "3"]);
  });

  it("drops everything within a second when the newest message did not arrive", async () => {
    fake.publish(1);
    fake.publish(2, false);
    await beat();
    await beat();
    expect(clears).toBe(1);
    await beat();
    await beat();
    expect(clears).toBe(1);
  });

  it("drops nothing for a message that arrives after the counter was seen", async () => {
    fake.publish(1, false);
    await beat();
    fake.deliver(1);
    await beat();
    expect(clears).toBe(0);
  });

  it("drops nothing under a stream of changes, each of which arrives a little late", async () => {
    for (let sequence = 1; sequence <= 10; sequence++) {
      fake.publish(sequence, false);
      await beat();
      fake.deliver(sequence);
    }
    expect(clears).toBe(0);
    expect(applied).toHaveLength(10);
  });

  it("drops everything when the counter went back, because Redis lost its data", async () => {
    fake.publish(1);
    fake.publish(2);
    fake.counter = undefined;
    await beat();
    expect(clears).toBe(1);
    await beat();
    expect(clears).toBe(1);
  });

  it("drops everything when the connection is back, since nobody knows what was missed", () => {
    fake.emit("close");
    fake.counter = 9;
    fake.emit("ready");
    expect(clears).toBeGreaterThan(0);
    expect(fake.subscribed).toHaveLength(2);
  });

  it("drops what was cached while the subscription was being made, since changes in between were not heard", async () => {
    fake.emit("close");
    fake.emit("ready");
    clears = 0;
    // A value is cached, then changed: the message has no subscriber yet.
    fake.publish(1, false);
    fake.subscribed.at(-1)!.resolve();
    await beat();
    await beat();
    expect(clears).toBeGreaterThan(0);
  });

  it("does not ask while it is not connected, and drops nothing while Redis is away", async () => {
    fake.emit("close");
    fake.counter = 100;
    await beat();
    await beat();
    expect(clears).toBe(0);
    fake.isAway = true;
    await beat();
    expect(clears).toBe(0);
  });

  it("survives messages that are none", () => {
    for (const message of ["", "x", "1", "1 {", "x {}", "1 null", " {}"])
      expect(() => fake.emit("message", INVALIDATION_CHANNEL, message)).not.toThrow();
  });

  it("looks no more once it was stopped", async () => {
    listener.stop();
    fake.counter = 100;
    await beat();
    await beat();
    expect(clears).toBe(0);
  });
});
