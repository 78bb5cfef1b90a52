import { afterEach, describe, expect, it } from "@jest/globals";
import { createLogger } from "@gatewayops/platform/log";
import type { CallRecord, CallVersion } from "../traces/trace-store.ts";
import { createTailHub, type TailHub } from "./tail-hub.ts";
import type { NewCalls } from "./tail-listener.ts";

const log = createLogger({ service: "test", level: "silent", format: "json", maskSensitive: true });
const ORG = "an organisation";

/** A store whose clock stands, with calls that a test adds. */
function makeStore() {
  const rows: CallVersion[] = [];
  let nowMs = 1_000_000;
  let questions = 0;
  let problem: Error | undefined;
  return {
    add(...ids: string[]) {
      nowMs += 1;
      for (const callId of ids)
        rows.push({ callId, startTimeUs: BigInt(rows.length), weight: 2, storedMs: nowMs });
    },
    questions: () => questions,
    fail(error: Error) {
      problem = error;
    },
    store: {
      storeTimeMs: () => Promise.resolve(nowMs),
      storedSince: (_: string, sinceMs: number, limit: number) => {
        questions += 1;
        if (problem) return Promise.reject(problem);
        const found = rows.filter(({ storedMs }) => storedMs >= sinceMs);
        return Promise.resolve(found.reverse().slice(0, limit));
      },
      callsOf: (_: string, calls: readonly CallVersion[]) =>
        Promise.resolve(calls.map(({ callId }) => ({ callId }) as CallRecord)),
    },
  };
}

const closing: AbortController[] = [];

afterEach(() => {
  for (const controller of closing.splice(0)) controller.abort();
});

function hubOn(store: ReturnType<typeof makeStore>["store"]) {
  const ending = new AbortController();
  closing.push(ending);
  let streams = 0;
  let skipped = 0;
  const hub = createTailHub({
    store,
    log,
    signal: ending.signal,
    maxStreams: 10,
    maxStreamsPerOrg: 10,
    observe: (change) => {
      streams = change.streams;
      skipped += change.skipped;
    },
    pollMs: 5,
  });
  return { hub, ending, streams: () => streams, skipped: () => skipped };
}

/** A stream that has begun. */
async function follow(hub: TailHub, orgId = ORG) {
  const hangUp = new AbortController();
  closing.push(hangUp);
  const stream = hub.listen(orgId, hangUp.signal)[Symbol.asyncIterator]();
  const next = async (): Promise<NewCalls | undefined> => {
    const result = await stream.next();
    return result.done === true ? undefined : result.value;
  };
  await next();
  return { next, hangUp };
}

const idsOf = (news: NewCalls | undefined): string[] | undefined =>
  news?.calls.map(({ callId }) => callId);

describe("createTailHub", () => {
  it("asks once for all listeners of an organisation, and not at all without any", async () => {
    const made = makeStore();
    made.add("before");
    const { hub, streams } = hubOn(made.store);
    const listeners = [await follow(hub), await follow(hub), await follow(hub)];
    const before = made.questions();
    made.add("a");
    for (const listener of listeners) expect(idsOf(await listener.next())).toEqual(["a"]);
    // Each stream waited through the same few questions; three feeds would have asked three times as often.
    made.add("b");
    await Promise.all(listeners.map(({ next }) => next()));
    const perListener = (made.questions() - before) / 2;
    expect(perListener).toBeLessThan(6);
    for (const { hangUp } of listeners) hangUp.abort();
    expect(streams()).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const after = made.questions();
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(made.questions()).toBe(after);
  });

  it("leaves out the oldest for a reader that is slow, and says how many", async () => {
    const made = makeStore();
    const { hub, skipped } = hubOn(made.store);
    const slow = await follow(hub);
    const quick = await follow(hub);
    const heard: string[] = [];
    for (let lot = 0; lot < 3; lot += 1) {
      made.add(...Array.from({ length: 1_000 }, (_, i) => `${lot} ${i}`));
      while (heard.length < (lot + 1) * 1_000) heard.push(...(idsOf(await quick.next()) ?? []));
    }
    const news = await slow.next();
    expect(news?.calls).toHaveLength(2_000);
    expect(idsOf(news)?.[0]).toBe("1 0");
    expect(news?.skipped).toBe(1_000);
    expect(skipped()).toBe(1_000);
    expect(heard).toHaveLength(3_000);
  });

  it("counts what is more than one question gets the records of", async () => {
    const made = makeStore();
    const { hub } = hubOn(made.store);
    const { next } = await follow(hub);
    made.add(...Array.from({ length: 2_500 }, (_, i) => String(i)));
    const news = await next();
    expect(news).toMatchObject({ skipped: 500 });
    expect(news?.calls).toHaveLength(2_000);
  });

  it("ends the streams when the store fails, and begins anew for who comes then", async () => {
    const made = makeStore();
    const { hub } = hubOn(made.store);
    const { next } = await follow(hub);
    made.fail(new Error("away"));
    await expect(next()).rejects.toThrow("away");
    await expect(follow(hub)).rejects.toThrow("away");
  });

  it("ends every stream when the process does", async () => {
    const { hub, ending, streams } = hubOn(makeStore().store);
    const listeners = [await follow(hub), await follow(hub, "another")];
    ending.abort();
    for (const { next } of listeners) expect(await next()).toBeUndefined();
    expect(streams()).toBe(0);
  });
});
