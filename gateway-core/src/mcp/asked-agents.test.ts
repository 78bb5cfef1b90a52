import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { AskedAgents } from "./asked-agents.ts";
import { ownerOf } from "./owned-ids.ts";

const MINUTE = 60_000;

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

function ask(session = "session-1") {
  const asked = new AskedAgents("worker-1");
  const stop = new AbortController();
  return { asked, stop, ...asked.ask(session, stop.signal) };
}

const response = (id: string, outcome: object): Buffer =>
  Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, ...outcome }));

describe("AskedAgents", () => {
  it("asks under an id by which every worker finds the one that waits", () => {
    const { id, asked } = ask();
    expect(ownerOf(id)).toBe("worker-1");
    expect(asked.size).toBe(1);
  });

  it("takes a result, in its own bytes, once", async () => {
    const { asked, id, answer } = ask();
    expect(asked.answered("session-1", id, response(id, { result: { n: 1.5 } }))).toBe(true);
    expect(await answer).toEqual({ result: '{"n":1.5}' });
    expect(asked.answered("session-1", id, response(id, { result: {} }))).toBe(false);
    expect(asked.size).toBe(0);
  });

  it("takes an error", async () => {
    const { asked, id, answer } = ask();
    asked.answered("session-1", id, response(id, { error: { code: -1, message: "no" } }));
    expect(await answer).toEqual({ error: '{"code":-1,"message":"no"}' });
  });

  it("takes no answer that comes in another session", async () => {
    const { asked, id, answer } = ask();
    expect(asked.answered("session-2", id, response(id, { result: { is: "forged" } }))).toBe(false);
    asked.answered("session-1", id, response(id, { result: { is: "true" } }));
    expect(await answer).toEqual({ result: '{"is":"true"}' });
  });

  it("waits for ten minutes, and not longer", async () => {
    const { asked, answer } = ask();
    const failed = expect(answer).rejects.toMatchObject({ reason: "CLIENT_GONE" });
    jest.advanceTimersByTime(10 * MINUTE - 1);
    expect(asked.size).toBe(1);
    jest.advanceTimersByTime(1);
    await failed;
    expect(asked.size).toBe(0);
  });

  it("gives up when the agent's connection is gone", async () => {
    const { asked, stop, answer } = ask();
    stop.abort();
    await expect(answer).rejects.toMatchObject({ reason: "CLIENT_GONE" });
    expect(asked.size).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });
});
