import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import type { Dispatcher } from "undici";
import {
  createFakeExchange,
  createFakeWorker,
  type FakeWorkerOptions,
} from "../../test/fake-exchange.ts";
import type { AgentSession } from "../sessions/sessions.ts";
import { Relay } from "./relay.ts";

const SESSION = {
  id: "session-1",
  state: { upstreamSession: "upstream-1", endpoint: "" },
} as unknown as AgentSession;
const CALL = { method: "tools/call", params: { name: "work" } };
const ANSWER = 'data: {"jsonrpc":"2.0","id":1,"result":{}}\n';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** A controller as undici has it for each request. */
function createController() {
  return {
    paused: false,
    aborted: false,
    pause() {
      this.paused = true;
    },
    resume() {
      this.paused = false;
    },
    abort() {
      this.aborted = true;
    },
  };
}

/** A relayed call whose server begins a stream. The test speaks for undici. */
function startStream(drained = Promise.resolve()) {
  let handler: Dispatcher.DispatchHandler | undefined;
  const pool = { dispatch: (_: unknown, given: Dispatcher.DispatchHandler) => (handler = given) };
  const worker = createFakeWorker({ pool });
  const fake = createFakeExchange(worker, CALL, drained);
  const relay = new Relay(fake.exchange, SESSION);
  relay.start();
  const controller = createController();
  const given = controller as unknown as Dispatcher.DispatchController;
  handler?.onRequestStart?.(given, {});
  handler?.onResponseStart?.(given, 200, { "content-type": "text/event-stream" }, "OK");
  return {
    ...{ worker, fake, relay, controller },
    says: (text: string) => handler?.onResponseData?.(given, Buffer.from(text)),
    ends: () => handler?.onResponseEnd?.(given, {}),
  };
}

describe("Relay", () => {
  it("lets a server go on that speaks after its answer to an agent that is gone", () => {
    const { worker, fake, relay, controller, says, ends } = startStream();
    Object.assign(fake.exchange, { isClientGone: true });
    relay.clientGone();
    says(`${ANSWER}\n`);
    expect(fake.endings).toHaveLength(1);
    // Nobody would let it go on: an agent that is gone is not answered.
    says(": bye\n\n");
    expect(controller.paused).toBe(false);
    ends();
    expect(worker.running.size).toBe(0);
    expect(worker.slots.taken).toBe(0);
    expect(worker.inFlight).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it("gives what waited for the record at the agent's pace", async () => {
    const reading = Promise.withResolvers<undefined>();
    const { fake, relay, controller, says } = startStream(reading.promise);
    says(`${ANSWER}\n`);
    says(": bye\n\n");
    expect(controller.paused).toBe(true);
    relay.answer(fake.endings[0]!);
    expect(fake.written.join("")).toBe(`${ANSWER}\n: bye\n\n`);
    await Promise.resolve();
    expect(controller.paused).toBe(true);
    reading.resolve(undefined);
    await reading.promise;
    expect(controller.paused).toBe(false);
  });

  it("ends the stream of a server that leaves it open after its answer", () => {
    const { controller, says } = startStream();
    says(`${ANSWER}\n`);
    jest.advanceTimersByTime(999);
    expect(controller.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(controller.aborted).toBe(true);
  });

  it.each<[string, string, FakeWorkerOptions]>([
    ["too many are in flight", "OVERLOADED", { bulkhead: { inFlight: 0 } }],
    ["none in flight ends in time", "OVERLOADED", { bulkhead: { inFlight: 0, queued: 1 } }],
    ["the server is left alone", "UPSTREAM_CIRCUIT_OPEN", { admits: false }],
  ])("holds nothing of a call that is refused because %s", async (_why, reason, options) => {
    const worker = createFakeWorker(options);
    const { exchange, failures } = createFakeExchange(worker, CALL);
    new Relay(exchange, SESSION).start();
    await jest.runAllTimersAsync();
    expect(failures).toMatchObject([{ reason }]);
    expect(worker.running.size).toBe(0);
    expect(worker.slots.taken).toBe(0);
    expect(worker.inFlight).toBe(0);
  });
});
