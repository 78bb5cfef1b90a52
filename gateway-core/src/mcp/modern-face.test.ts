import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { createFakeExchange, createFakeWorker, type FakeWorker } from "../../test/fake-exchange.ts";
import type { CallListener, ServerCall } from "../upstream/server-call.ts";
import { readServerMessage, type ServerMessage } from "../upstream/server-message.ts";
import { callOfModern } from "./modern-call-carrier.ts";
import { ModernFace } from "./modern-face.ts";
import { ParkedCall } from "./parked-calls.ts";

/** Milliseconds for which a face gathers questions. */
const GATHER_MS = 10;
const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": { elicitation: {} },
};

let worker: FakeWorker;
/** The call at the server: the test speaks for the server through its listener. */
let call: ServerCall;
/** What the server was answered: ids of its questions. */
let answered: string[];

beforeEach(() => {
  jest.useFakeTimers();
  answered = [];
  worker = createFakeWorker({ createCall: () => call });
  call = {
    ...{
      upstream: worker.upstream,
      serverInfo: "",
      listener: undefined as unknown as CallListener,
    },
    start: () => undefined,
    respond: (idText) => answered.push(idText),
    continueFor: () => undefined,
    cancel: () => undefined,
  };
});

afterEach(() => {
  jest.useRealTimers();
});

const said = (message: object): ServerMessage =>
  readServerMessage(Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message })))!;
const question = (id: string): ServerMessage =>
  said({ id, method: "elicitation/create", params: {} });

type Round = { readonly inputRequests: object; readonly requestState: string };

/** One request of the agent. @returns how to read the answer it got */
function request(params: object): () => Round {
  const { exchange, documents } = createFakeExchange(worker, {
    method: "tools/call",
    params: { name: "ask", arguments: {}, _meta: META, ...params },
  });
  const carrier = callOfModern(exchange, "legacy", new ModernFace(exchange));
  if (!("requestState" in params)) call.listener = carrier;
  carrier.start();
  return () => {
    carrier.answer();
    const { result } = JSON.parse(documents.at(-1) ?? "{}") as { result: Round };
    return result;
  };
}

describe("ModernFace", () => {
  it("gathers what a server asks, and parks the call once", () => {
    const round = request({});
    call.listener.onRequest(question("q-1"));
    jest.advanceTimersByTime(GATHER_MS - 1);
    call.listener.onRequest(question("q-2"));
    expect(worker.parked.size).toBe(0);
    jest.advanceTimersByTime(1);
    expect(Object.keys(round().inputRequests)).toHaveLength(2);
    expect(worker.parked.size).toBe(1);
    expect(call.listener).toBeInstanceOf(ParkedCall);
  });

  it("leaves no timer and no listener behind a call that is parked twice", () => {
    const first = request({});
    call.listener.onRequest(question("q-1"));
    jest.advanceTimersByTime(GATHER_MS);
    const { requestState } = first();
    // Another question comes while the call waits, and the agent answers none: it is asked for both, at once.
    call.listener.onRequest(question("q-2"));
    const second = request({ requestState });
    const again = second();
    expect(Object.keys(again.inputRequests)).toHaveLength(2);
    const { listener } = call;
    jest.advanceTimersByTime(1_000);
    expect(call.listener).toBe(listener);
    expect(worker.parked.size).toBe(1);
    // What waits for the agent, ten minutes at most.
    expect(jest.getTimerCount()).toBe(1);

    const inputResponses = Object.fromEntries(
      Object.keys(again.inputRequests).map((key) => [key, { action: "accept" }]),
    );
    const third = request({ requestState: again.requestState, inputResponses });
    expect(answered.sort()).toEqual(['"q-1"', '"q-2"']);
    call.listener.onAnswer(said({ id: 1, result: { content: [] } }), 200);
    expect(third()).toMatchObject({ content: [], resultType: "complete" });
    expect(jest.getTimerCount()).toBe(0);
    expect(worker.parked.size).toBe(0);
    expect(worker.parkedBy.size).toBe(0);
    expect(worker.slots.taken).toBe(0);
    expect(worker.inFlight).toBe(0);
  });
});
