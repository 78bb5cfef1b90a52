import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { Failure } from "@gatewayops/platform/errors";
import type { CallListener, ServerCall } from "../upstream/server-call.ts";
import type { ServerMessage } from "../upstream/server-message.ts";
import { Holdings } from "../stages/holdings.ts";
import { ParkedCall, ParkedCalls } from "./parked-calls.ts";

const MINUTE = 60_000;

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** A call that notes why it was cancelled. */
function aCall(): { call: ServerCall; cancelled: string[] } {
  const cancelled: string[] = [];
  const call = { cancel: (reason: string) => cancelled.push(reason) } as unknown as ServerCall;
  return { call, cancelled };
}

const message = (method: string): ServerMessage => ({ method }) as unknown as ServerMessage;

function aListener(): { listener: CallListener; heard: string[] } {
  const heard: string[] = [];
  const listener: CallListener = {
    onAttempt: () => undefined,
    onNotification: ({ method }) => void heard.push(method),
    onRequest: ({ method }) => heard.push(method),
    onAnswer: (_message, status) => heard.push(`answer ${String(status)}`),
    onFailure: ({ reason }) => heard.push(reason),
  };
  return { listener, heard };
}

describe("ParkedCall", () => {
  it("tells who goes on with it what happened meanwhile, in its order", () => {
    const { call } = aCall();
    const parked = new ParkedCall(call, new Map());
    parked.onNotification(message("notifications/progress"));
    parked.onRequest(message("roots/list"));
    parked.onAnswer(message(""), 200);
    const { listener, heard } = aListener();
    parked.resume(listener);
    expect(heard).toEqual(["notifications/progress", "roots/list", "answer 200"]);
    expect(call.listener).toBe(listener);
  });

  it("does not lose a failure behind more notifications than it keeps", () => {
    const parked = new ParkedCall(aCall().call, new Map());
    for (let at = 0; at < 1_000; at++) parked.onNotification(message("notifications/progress"));
    parked.onFailure(new Failure("UPSTREAM_CLOSED", "closed"));
    const { listener, heard } = aListener();
    parked.resume(listener);
    expect(heard).toHaveLength(65);
    expect(heard.at(-1)).toBe("UPSTREAM_CLOSED");
  });
});

function parkedCalls(): ParkedCalls {
  return new ParkedCalls(
    new Holdings({ noun: "parked calls", bound: "parked", perKey: 10_000, total: 10_000 }),
  );
}

describe("ParkedCalls", () => {
  it("gives a call to one that goes on with it, so that it goes on once", () => {
    const parked = parkedCalls();
    const call = new ParkedCall(aCall().call, new Map());
    parked.add("id", "key", call);
    expect(parked.take("id")).toBe(call);
    expect(parked.take("id")).toBeUndefined();
  });

  it("cancels a call at its server when nobody goes on with it for ten minutes", () => {
    const parked = parkedCalls();
    const { call, cancelled } = aCall();
    parked.add("id", "key", new ParkedCall(call, new Map()));
    jest.advanceTimersByTime(10 * MINUTE - 1);
    expect(cancelled).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(cancelled).toHaveLength(1);
    expect(parked.take("id")).toBeUndefined();
  });

  it("does not cancel what was taken", () => {
    const parked = parkedCalls();
    const { call, cancelled } = aCall();
    parked.add("id", "key", new ParkedCall(call, new Map()));
    parked.take("id");
    jest.advanceTimersByTime(20 * MINUTE);
    expect(cancelled).toEqual([]);
  });

  it("refuses more than a key may hold, and cancels all at closing", () => {
    const parked = parkedCalls();
    const { call, cancelled } = aCall();
    for (let at = 0; at < 10_000; at++)
      parked.add(String(at), "key", new ParkedCall(call, new Map()));
    expect(() => {
      parked.add("one more", "key", new ParkedCall(call, new Map()));
    }).toThrow(expect.objectContaining({ reason: "RATE_LIMITED" }));
    parked.close();
    expect(cancelled).toHaveLength(10_000);
    expect(parked.size).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });
});
