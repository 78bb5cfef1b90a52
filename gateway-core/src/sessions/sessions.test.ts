import { describe, expect, it } from "@jest/globals";
import { createLogger } from "@gatewayops/platform/log";
import type { Principal } from "../control/principal.ts";
import { aSession } from "../../test/session-store.contract.ts";
import { createSessionIds } from "./session-ids.ts";
import type { SessionState, SessionStore } from "./session-store.ts";
import { createMemorySessionStore } from "./session-store.memory.ts";
import { Sessions } from "./sessions.ts";

const TTL = 60_000;
const log = createLogger({ service: "test", level: "silent", format: "json", maskSensitive: true });
const ids = createSessionIds("a secret of a test, long enough for it");

const principalOf = (keyId: string): Principal =>
  ({ keyIdText: keyId, orgIdText: "org-1" }) as unknown as Principal;
const ADA = principalOf("key-ada");
const EVE = principalOf("key-eve");
const STATE = aSession({ orgId: "org-1", keyId: "key-ada" });

/** Several workers on one store, with a clock that tests move. */
function cluster(count: number) {
  const clock = { ms: 1_000_000 };
  const store = createMemorySessionStore(() => clock.ms);
  const asked: string[] = [];
  const released: SessionState[] = [];
  const counting: SessionStore = {
    ...store,
    get(id) {
      asked.push(id);
      return store.get(id);
    },
  };
  const workers: Sessions[] = Array.from({ length: count }, () => {
    const worker: Sessions = new Sessions({
      ids,
      store: counting,
      ttlMs: TTL,
      tellChanged: (id) => {
        for (const other of workers) if (other !== worker) other.forget(id);
        return Promise.resolve();
      },
      release: (state) => {
        released.push(state);
        return Promise.resolve();
      },
      log,
      now: () => clock.ms,
    });
    return worker;
  });
  return { clock, store, workers, asked, released };
}

const [first, second] = [0, 1];

describe("Sessions", () => {
  it("serves on one worker what was begun on another, and asks the store only once", async () => {
    const { workers, asked } = cluster(2);
    const id = await workers[first]!.open(ADA, STATE);
    expect(await workers[second]!.find(id, ADA, "echo")).toEqual(STATE);
    expect(workers[second]!.find(id, ADA, "echo")).toEqual(STATE);
    expect(asked).toEqual([id]);
  });

  it.each([
    ["another key", EVE, "echo"],
    ["another server", ADA, "other"],
  ])("refuses a session to %s, remembered or not, without a look into the store", async (...of) => {
    const [, principal, server] = of;
    const { workers, asked } = cluster(2);
    const id = await workers[first]!.open(ADA, STATE);
    for (const worker of workers)
      expect(() => worker.find(id, principal, server)).toThrow(
        expect.objectContaining({ reason: "SESSION_UNKNOWN" }),
      );
    expect(asked).toEqual([]);
  });

  it("refuses a made-up id without a look into the store", () => {
    const { workers, asked } = cluster(1);
    expect(() => workers[first]!.find("AAAA", ADA, "echo")).toThrow(
      expect.objectContaining({ reason: "SESSION_UNKNOWN" }),
    );
    expect(asked).toEqual([]);
  });

  it("does not remember what it read while another worker changed it", async () => {
    const { workers, asked } = cluster(2);
    const id = await workers[first]!.open(ADA, STATE);
    const reading = workers[second]!.find(id, ADA, "echo");
    workers[second]!.forget(id);
    await reading;
    await workers[second]!.find(id, ADA, "echo");
    expect(asked).toEqual([id, id]);
  });

  it("answers a change only when the other workers were told", async () => {
    const { store } = cluster(1);
    let told: () => void = () => undefined;
    const worker = new Sessions({
      ids,
      store,
      ttlMs: TTL,
      tellChanged: () => new Promise((resolve) => (told = resolve)),
      release: () => Promise.resolve(),
      log,
      now: () => 0,
    });
    const id = await worker.open(ADA, STATE);
    let answered = false;
    const changing = worker
      .change(id, (state) => ({ ...state, logLevel: "info" }))
      .then(() => {
        answered = true;
      });
    await new Promise(setImmediate);
    expect(answered).toBe(false);
    told();
    await changing;
    expect(answered).toBe(true);
  });

  it("says that the store is away rather than that there is no session", async () => {
    const { workers, store } = cluster(1);
    const id = await workers[first]!.open(ADA, STATE);
    const failing = new Sessions({
      ids,
      store: { ...store, get: () => Promise.reject(new Error("away")) },
      ttlMs: TTL,
      tellChanged: () => Promise.resolve(),
      release: () => Promise.resolve(),
      log,
      now: () => 0,
    });
    await expect(failing.find(id, ADA, "echo")).rejects.toMatchObject({
      reason: "STORE_UNAVAILABLE",
    });
  });

  it("has no worker serve what another changed or ended", async () => {
    const { workers, released } = cluster(2);
    const id = await workers[first]!.open(ADA, STATE);
    await workers[second]!.find(id, ADA, "echo");
    await workers[first]!.change(id, (state) => ({ ...state, logLevel: "error" }));
    expect(await workers[second]!.find(id, ADA, "echo")).toMatchObject({ logLevel: "error" });
    expect(await workers[first]!.end(id)).toBe(true);
    await expect(workers[second]!.find(id, ADA, "echo")).rejects.toMatchObject({
      reason: "SESSION_UNKNOWN",
    });
    expect(await workers[second]!.end(id)).toBe(false);
    expect(released).toHaveLength(1);
  });

  it("loses none of two changes made at once", async () => {
    const { workers } = cluster(2);
    const id = await workers[first]!.open(ADA, STATE);
    const adding = (uri: string) => (state: SessionState) => ({
      ...state,
      subscriptions: [...state.subscriptions, uri],
    });
    await Promise.all([
      workers[first]!.change(id, adding("test://a")),
      workers[second]!.change(id, adding("test://b")),
    ]);
    const { subscriptions } = await workers[first]!.reread(id);
    expect([...subscriptions].sort()).toEqual(["test://a", "test://b"]);
  });

  it("tells who watches a session of its change and its end, wherever these happen", async () => {
    const { workers } = cluster(2);
    const id = await workers[first]!.open(ADA, STATE);
    const told: string[] = [];
    const stop = workers[second]!.onChange((changed) => told.push(changed));
    await workers[first]!.change(id, (state) => ({ ...state, logLevel: "info" }));
    await workers[first]!.end(id);
    expect(told).toEqual([id, id]);
    stop();
    workers[second]!.forget(id);
    expect(told).toHaveLength(2);
  });

  it("ends each abandoned session once, at its server too, however many there are", async () => {
    const { workers, clock, released, store } = cluster(2);
    const all = await Promise.all(
      Array.from({ length: 350 }, (_, at) =>
        workers[first]!.open(ADA, { ...STATE, upstreamSession: `upstream-${String(at)}` }),
      ),
    );
    clock.ms += TTL + 1;
    await Promise.all(workers.map((worker) => worker.sweep()));
    expect(new Set(released.map(({ upstreamSession }) => upstreamSession)).size).toBe(350);
    expect(released).toHaveLength(350);
    expect(await store.get(all[0] ?? "")).toBeUndefined();
    await expect(workers[first]!.find(all[0] ?? "", ADA, "echo")).rejects.toMatchObject({
      reason: "SESSION_UNKNOWN",
    });
  });

  it("lets a session live as long as it is used, be it by a worker that remembers it", async () => {
    const { workers, clock, released } = cluster(1);
    const id = await workers[first]!.open(ADA, STATE);
    for (let uses = 0; uses < 5; uses++) {
      clock.ms += TTL / 2;
      await workers[first]!.find(id, ADA, "echo");
      await workers[first]!.tick();
    }
    expect(released).toEqual([]);
    clock.ms += TTL + 1;
    await workers[first]!.tick();
    expect(released).toHaveLength(1);
  });

  it("lets a session live while a stream of it is open, and no longer", async () => {
    const { workers, clock, released } = cluster(1);
    const id = await workers[first]!.open(ADA, STATE);
    const [stream, call] = [workers[first]!.hold(id), workers[first]!.hold(id)];
    call();
    for (let ticks = 0; ticks < 10; ticks++) {
      clock.ms += TTL / 3;
      await workers[first]!.tick();
    }
    expect(released).toEqual([]);
    stream();
    clock.ms += TTL + 1;
    await workers[first]!.tick();
    expect(released).toHaveLength(1);
  });

  it("remembers a bounded number of sessions, those that were used last", async () => {
    const { workers, asked, clock } = cluster(1);
    const worker = workers[first]!;
    const opened: string[] = [];
    for (let at = 0; at < 1_000; at++) opened.push(await worker.open(ADA, STATE));
    clock.ms += TTL / 2;
    await worker.find(opened[0] ?? "", ADA, "echo");
    await worker.open(ADA, STATE);
    expect(worker.find(opened[0] ?? "", ADA, "echo")).toEqual(STATE);
    expect(asked).toEqual([]);
    await worker.find(opened[1] ?? "", ADA, "echo");
    expect(asked).toEqual([opened[1]]);
  });
});
