import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import {
  createFakeExchange,
  createFakeWorker,
  type FakeWorkerOptions,
} from "../../test/fake-exchange.ts";
import { CallCarrier } from "./call-carrier.ts";
import { LegacyFace } from "./legacy-face.ts";
import type { CallRequest } from "../upstream/server-call.ts";

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

describe("CallCarrier", () => {
  it.each<[string, string, FakeWorkerOptions]>([
    ["too many are in flight", "OVERLOADED", { bulkhead: { inFlight: 0 } }],
    ["none in flight ends in time", "OVERLOADED", { bulkhead: { inFlight: 0, queued: 1 } }],
    ["the server is left alone", "UPSTREAM_CIRCUIT_OPEN", { admits: false }],
  ])("holds nothing of a call that is refused because %s", async (_why, reason, options) => {
    const worker = createFakeWorker(options);
    const { exchange, failures } = createFakeExchange(worker, {
      method: "tools/call",
      params: { name: "work" },
    });
    const face = new LegacyFace(exchange, "session-1");
    const carrier = new CallCarrier({ exchange, era: "modern", request: {} as CallRequest, face });
    face.attach(carrier);
    expect(worker.running.size).toBe(1);
    carrier.start();
    await jest.runAllTimersAsync();
    expect(failures).toMatchObject([{ reason }]);
    expect(worker.running.size).toBe(0);
    expect(worker.slots.taken).toBe(0);
    expect(worker.inFlight).toBe(0);
  });
});
