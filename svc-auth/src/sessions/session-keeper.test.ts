import { beforeEach, describe, expect, it } from "@jest/globals";
import { aUser, newId, seedOrg, TIME } from "../../test/samples.ts";
import { Secret } from "../secret.ts";
import { createMemoryStores, type Stores } from "../stores.ts";
import { createSessionKeeper, type SessionKeeper } from "./session-keeper.ts";
import { createMemorySessionStore } from "./session-store.memory.ts";
import { createMemorySignInCounters } from "./sign-in-counters.memory.ts";

const HOURS = 60 * 60_000;

let stores: Stores;
let nowMs: number;
let compared: number;
let keeper: SessionKeeper;
let orgId: string;
let email: string;

beforeEach(async () => {
  stores = createMemoryStores();
  nowMs = TIME.getTime();
  compared = 0;
  const now = () => nowMs;
  keeper = createSessionKeeper({
    sessions: createMemorySessionStore(now),
    counters: createMemorySignInCounters(now),
    ...stores,
    hasher: {
      hash: (password) => Promise.resolve(`(${password.reveal()})`),
      verify(password, hash) {
        compared += 1;
        return Promise.resolve(hash === `(${password.reveal()})`);
      },
    },
    now,
  });
  orgId = (await seedOrg(stores)).orgId;
  email = `${newId()}@example.com`;
  await stores.users.create(orgId, aUser(orgId, { email, role: "org_viewer" }), "(right)");
});

function signIn(
  changes: { email?: string; password?: string; address?: string; previous?: Secret } = {},
) {
  return keeper.signIn({
    email: changes.email ?? email,
    password: new Secret(changes.password ?? "right"),
    address: changes.address ?? "10.0.0.1",
    previousSessionId: changes.previous,
  });
}

describe("createSessionKeeper", () => {
  it("signs in whatever the case of the address, and notes it", async () => {
    const { caller, sessionId } = await signIn({ email: ` ${email.toUpperCase()} ` });
    expect(caller).toMatchObject({ orgId, email, role: "org_viewer", keyId: "" });
    expect([...caller.permissions]).toEqual(["traces:read", "costs:read"]);
    expect(sessionId.reveal()).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect((await keeper.validate(sessionId)).userId).toBe(caller.userId);
    expect((await stores.users.get(orgId, caller.userId))?.lastLoginTime).toEqual(TIME);
  });

  it("answers an unknown address like a wrong password, with as much work", async () => {
    const failures: unknown[] = [];
    for (const attempt of [{ password: "wrong" }, { email: "nobody@example.com" }]) {
      const before = compared;
      await signIn(attempt).catch((error: unknown) => failures.push(error));
      expect(compared - before).toBe(1);
    }
    const [known, unknown] = failures as Error[];
    expect(known).toMatchObject({ reason: "SIGN_IN_FAILED" });
    expect(unknown?.message).toBe(known?.message);
  });

  it("ends a session eight hours after its last use", async () => {
    const { sessionId } = await signIn();
    nowMs += 7 * HOURS;
    await keeper.validate(sessionId);
    nowMs += 8 * HOURS - 1;
    await keeper.validate(sessionId);
    nowMs += 8 * HOURS;
    await expect(keeper.validate(sessionId)).rejects.toMatchObject({ reason: "SESSION_INVALID" });
  });

  it("ends the session it is signed in over, and the one that is signed out", async () => {
    const first = await signIn();
    const second = await signIn({ previous: first.sessionId });
    expect(second.sessionId.reveal()).not.toBe(first.sessionId.reveal());
    await expect(keeper.validate(first.sessionId)).rejects.toMatchObject({
      reason: "SESSION_INVALID",
    });
    await keeper.signOut(second.sessionId);
    await expect(keeper.validate(second.sessionId)).rejects.toMatchObject({
      reason: "SESSION_INVALID",
    });
  });

  it("refuses an address that several organisations have, but only tells who knows a password", async () => {
    const other = (await seedOrg(stores)).orgId;
    await stores.users.create(other, aUser(other, { email }), "(other)");
    await expect(signIn({ password: "other" })).rejects.toThrow("several organisations");
    await expect(signIn({ password: "wrong" })).rejects.toThrow("is not right");
  });

  it("throttles guesses at one address from one place, right ones too, and not others", async () => {
    for (let time = 0; time < 10; time += 1)
      await expect(signIn({ password: "wrong" })).rejects.toMatchObject({
        reason: "SIGN_IN_FAILED",
      });
    const done = compared;
    await expect(signIn()).rejects.toMatchObject({
      reason: "SIGN_IN_THROTTLED",
      retryAfterMs: 15 * 60_000,
    });
    expect(compared).toBe(done);
    await signIn({ address: "10.0.0.2" });
    nowMs += 15 * 60_000;
    await signIn();
  });

  it("throttles one place that guesses at many addresses", async () => {
    for (let time = 0; time < 100; time += 1)
      await signIn({ email: `${time}@x.io`, password: "wrong" }).catch(() => undefined);
    await expect(signIn()).rejects.toMatchObject({ reason: "SIGN_IN_THROTTLED" });
  });

  it("forgets failures once the right password came", async () => {
    for (let round = 0; round < 3; round += 1) {
      for (let time = 0; time < 9; time += 1)
        await signIn({ password: "wrong" }).catch(() => undefined);
      await signIn();
    }
  });
});
