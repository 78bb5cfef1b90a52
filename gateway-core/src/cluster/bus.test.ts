import { EventEmitter } from "node:events";
import { describe, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { createLogger } from "@gatewayops/platform/log";
import { WorkerBus, type BusMessage } from "./bus.ts";

const log = createLogger({ service: "test", level: "silent", format: "json", maskSensitive: true });

/** A Redis that only passes on what is published. */
function redisWith(subscribers: EventEmitter[]) {
  const connect = (): EventEmitter & { subscribed: string[] } => {
    const subscriber = Object.assign(new EventEmitter(), {
      subscribed: [] as string[],
      subscribe(channel: string) {
        subscriber.subscribed.push(channel);
        return Promise.resolve(1);
      },
    });
    subscribers.push(subscriber);
    return subscriber;
  };
  const publish = (channel: string, text: string) => {
    for (const subscriber of subscribers) subscriber.emit("message", channel, text);
    return Promise.resolve(subscribers.length);
  };
  return { connect, redis: { publish } as unknown as Redis };
}

function busOf(from: string, { connect, redis }: ReturnType<typeof redisWith>) {
  const subscriber = connect();
  const bus = new WorkerBus({ redis, subscriber: subscriber as unknown as Redis, from, log });
  const heard: BusMessage[] = [];
  bus.onMessage = (message) => heard.push(message);
  return { bus, subscriber, heard };
}

describe("WorkerBus", () => {
  it("tells all workers but the one that speaks", async () => {
    const redis = redisWith([]);
    const [one, two, three] = ["w1", "w2", "w3"].map((from) => busOf(from, redis));
    const message: BusMessage = { kind: "cancel", session: "s", request: '"r"' };
    await one!.bus.tell(message);
    expect([one!.heard, two!.heard, three!.heard]).toEqual([[], [message], [message]]);
  });

  it("does not take what is said on other channels for its own", () => {
    const { heard, subscriber } = busOf("w1", redisWith([]));
    subscriber.emit("message", "gwo:{control}:changes", '{"from":"w2","message":{"kind":"x"}}');
    expect(heard).toEqual([]);
  });

  it("says after each connection that something may have been missed, once it listens again", async () => {
    const { bus, subscriber } = busOf("w1", redisWith([]));
    let gaps = 0;
    bus.onGap = () => gaps++;
    for (const connections of [1, 2]) {
      subscriber.emit("ready");
      expect(subscriber.subscribed).toHaveLength(connections);
      expect(gaps).toBe(connections - 1);
      await Promise.resolve();
      expect(gaps).toBe(connections);
    }
  });

  it("goes on when nobody can be told", async () => {
    const away = { publish: () => Promise.reject(new Error("away")) } as unknown as Redis;
    const subscriber = new EventEmitter() as unknown as Redis;
    const bus = new WorkerBus({ redis: away, subscriber, from: "w1", log });
    await expect(bus.tell({ kind: "session", id: "s" })).resolves.toBeUndefined();
  });
});
