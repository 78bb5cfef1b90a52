import { beforeEach, describe, expect, it, jest } from "@jest/globals";
import { RefreshingCache, type CacheOptions } from "./refreshing-cache.ts";

/** A load under way, which the test ends. */
type Load = { key: string; resolve: (value: string) => void; reject: (error: Error) => void };

let now: number;
let loads: Load[];

beforeEach(() => {
  now = 1_000_000;
  loads = [];
});

function cacheOf(options: Partial<CacheOptions<string>> = {}): RefreshingCache<string> {
  return new RefreshingCache<string>({
    load: (key) =>
      new Promise((resolve, reject) => {
        loads.push({ key, resolve, reject });
      }),
    ttlMs: 1_000,
    refreshAhead: true,
    maxEntries: 3,
    now: () => now,
    ...options,
  });
}

/** Loads a key and ends the load with a value. */
async function put(cache: RefreshingCache<string>, key: string, value: string): Promise<void> {
  const loading = cache.load(key);
  loads.at(-1)!.resolve(value);
  await loading;
}

/** Lets what is waiting on resolved promises run. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

describe("RefreshingCache", () => {
  it("serves a value until its time is up, to the millisecond", async () => {
    const cache = cacheOf({ refreshAhead: false });
    await put(cache, "a", "1");
    now += 999;
    expect(cache.peek("a")).toBe("1");
    now += 1;
    expect(cache.peek("a")).toBeUndefined();
    expect(loads).toHaveLength(1);
  });

  it("shares one load among all who miss at once", async () => {
    const cache = cacheOf();
    const waiting = [cache.load("a"), cache.load("a"), cache.load("a")];
    expect(loads).toHaveLength(1);
    loads[0]!.resolve("1");
    expect(await Promise.all(waiting)).toEqual(["1", "1", "1"]);
  });

  it("tells everyone who waits of a failure, keeps nothing, and asks again", async () => {
    const cache = cacheOf();
    const waiting = [cache.load("a"), cache.load("a")];
    loads[0]!.reject(new Error("away"));
    for (const one of waiting) await expect(one).rejects.toThrow("away");
    expect(cache.peek("a")).toBeUndefined();
    await put(cache, "a", "1");
    expect(cache.peek("a")).toBe("1");
  });

  it("uses once and does not keep what was dropped while it was fetched", async () => {
    const cache = cacheOf();
    const loading = cache.load("a");
    cache.dropWhere((_, key) => key === "a");
    loads[0]!.resolve("old");
    expect(await loading).toBe("old");
    expect(cache.peek("a")).toBeUndefined();
  });

  it("does not let a caller after a drop join a load from before it", async () => {
    const cache = cacheOf();
    void cache.load("a");
    cache.clear();
    const later = cache.load("a");
    expect(loads).toHaveLength(2);
    loads[1]!.resolve("new");
    expect(await later).toBe("new");
    loads[0]!.resolve("old");
    await settle();
    expect(cache.peek("a")).toBe("new");
  });

  it("drops what fits and nothing else", async () => {
    const cache = cacheOf();
    await put(cache, "a", "1");
    await put(cache, "b", "2");
    cache.dropWhere((value) => value === "1");
    expect(cache.peek("a")).toBeUndefined();
    expect(cache.peek("b")).toBe("2");
    cache.clear();
    expect(cache.size).toBe(0);
  });

  it("fetches a value again after four fifths of its time, while it still serves", async () => {
    const cache = cacheOf();
    await put(cache, "a", "1");
    now += 799;
    cache.peek("a");
    expect(loads).toHaveLength(1);
    now += 1;
    expect(cache.peek("a")).toBe("1");
    expect(cache.peek("a")).toBe("1");
    expect(loads).toHaveLength(2);
    loads[1]!.resolve("2");
    await settle();
    expect(cache.peek("a")).toBe("2");
    now += 999;
    expect(cache.peek("a")).toBe("2");
  });

  it("keeps a value whose refresh failed until its time is up, and tries once a second", async () => {
    const cache = cacheOf({ ttlMs: 10_000 });
    await put(cache, "a", "1");
    now += 8_000;
    cache.peek("a");
    loads[1]!.reject(new Error("away"));
    await settle();
    now += 999;
    expect(cache.peek("a")).toBe("1");
    expect(loads).toHaveLength(2);
    now += 1;
    expect(cache.peek("a")).toBe("1");
    expect(loads).toHaveLength(3);
    loads[2]!.reject(new Error("away"));
    await settle();
    now += 1_001;
    expect(cache.peek("a")).toBeUndefined();
  });

  it("goes on refreshing a value when another one was dropped meanwhile", async () => {
    const cache = cacheOf();
    await put(cache, "a", "1");
    await put(cache, "b", "1");
    now += 800;
    cache.peek("a");
    cache.dropWhere((_, key) => key === "b");
    loads.at(-1)!.resolve("2");
    await settle();
    now += 100;
    cache.peek("a");
    expect(loads.filter(({ key }) => key === "a")).toHaveLength(3);
  });

  it("holds no more entries than it may, and lets the oldest go", async () => {
    const cache = cacheOf();
    for (const key of ["a", "b", "c", "d"]) await put(cache, key, key);
    expect(cache.size).toBe(3);
    expect(cache.peek("a")).toBeUndefined();
    expect(cache.peek("d")).toBe("d");
  });

  it("counts hits and misses", async () => {
    const onHit = jest.fn();
    const onMiss = jest.fn();
    const cache = cacheOf({ onHit, onMiss });
    await put(cache, "a", "1");
    cache.peek("a");
    cache.peek("b");
    expect(onHit).toHaveBeenCalledTimes(1);
    expect(onMiss).toHaveBeenCalledTimes(1);
  });
});
