import { describe, expect, it } from "@jest/globals";
import { Failure } from "@gatewayops/platform/errors";
import type { ChannelEvents } from "./channel.ts";
import type { AnswerSink } from "./http-answer.ts";
import { SharedChannel, type SharedChannelOptions } from "./shared-channel.ts";

/** A caller that notes what it gets. */
class Caller implements AnswerSink {
  readonly events: string[] = [];
  readonly answers: string[] = [];
  readonly failures: string[] = [];
  event(message: Buffer): void {
    this.events.push(message.toString("utf8"));
  }
  answer(message: Buffer): void {
    this.answers.push(message.toString("utf8"));
  }
  fail(failure: Failure): void {
    this.failures.push(failure.reason);
  }
}

function createShared(options: Partial<SharedChannelOptions> = {}) {
  const sent: string[] = [];
  const unasked: string[] = [];
  let events: ChannelEvents | undefined;
  const state = { sendFails: false, closed: 0 };
  const channel = new SharedChannel({
    open: (given) => {
      events = given;
      return {
        send: (message) => {
          if (state.sendFails) return Promise.reject(new Failure("OVERLOADED", "full"));
          sent.push(message.toString("utf8"));
          return Promise.resolve();
        },
        close: () => undefined,
      };
    },
    onUnasked: (message) => unasked.push(message.toString("utf8")),
    answerServer: () => undefined,
    isLogAskedFor: true,
    onClosed: () => state.closed++,
    ...options,
  });
  const ask = (body: string, isListen = false) => {
    const caller = new Caller();
    const idText = /"id":("[^"]*"|[^,}]*)/.exec(body)?.[1] ?? "";
    const number = channel.request({ body: Buffer.from(body), idText, isListen, sink: caller });
    return { caller, number };
  };
  return {
    channel,
    sent,
    unasked,
    state,
    ask,
    says: (message: string) => events?.onMessage(Buffer.from(message)),
    ends: () => events?.onClosed(new Failure("UPSTREAM_CLOSED", "gone")),
  };
}

const wantsLog = '"params":{"_meta":{"io.modelcontextprotocol/logLevel":"info"}}';
const LOG_LINE = '{"method":"notifications/message","params":{"data":1}}';

describe("SharedChannel", () => {
  it("gives each request a number for id and token, and each caller its own back", () => {
    const { ask, sent, says } = createShared();
    const body = '{"id":"a" ,"params":{"_meta":{"progressToken":"a"},"x": 1.0}}';
    const one = ask(body);
    const two = ask(body);
    expect(sent).toEqual([
      '{"id":1 ,"params":{"_meta":{"progressToken":1},"x": 1.0}}',
      '{"id":2 ,"params":{"_meta":{"progressToken":2},"x": 1.0}}',
    ]);
    says('{"method":"notifications/progress","params":{"progressToken":2,"progress":1}}');
    says('{"result":{ "id":2},"id":2}');
    says('{"error":{"code":-32602},"id":1}');
    expect(two.caller.events).toEqual([
      '{"method":"notifications/progress","params":{"progressToken":"a","progress":1}}',
    ]);
    expect(two.caller.answers).toEqual(['{"result":{ "id":2},"id":"a"}']);
    expect(one.caller).toMatchObject({
      events: [],
      answers: ['{"error":{"code":-32602},"id":"a"}'],
    });
  });

  it("gives progress to nobody who did not ask for it, nor after the answer", () => {
    const { ask, says, unasked } = createShared();
    const { caller } = ask('{"id":1,"method":"x"}');
    says('{"method":"notifications/progress","params":{"progressToken":1}}');
    says('{"id":1,"result":{}}');
    says('{"id":1,"result":{"again":true}}');
    says('{"method":"notifications/progress","params":{"progressToken":1}}');
    expect(caller).toMatchObject({ events: [], answers: ['{"id":1,"result":{}}'] });
    expect(unasked).toEqual([]);
  });

  it("puts the subscriber's id into all that a subscription brings", () => {
    const { ask, says } = createShared();
    ask('{"id":"other"}');
    const { caller } = ask('{"id":"s"}', true);
    const meta = (id: string) => `"_meta":{"io.modelcontextprotocol/subscriptionId":${id}}`;
    says(`{"method":"notifications/subscriptions/acknowledged","params":{${meta("2")}}}`);
    says(`{"method":"notifications/tools/list_changed","params":{${meta("1")}}}`);
    says(`{"id":2,"result":{${meta("2")}}}`);
    expect(caller.events).toEqual([
      `{"method":"notifications/subscriptions/acknowledged","params":{${meta('"s"')}}}`,
    ]);
    expect(caller.answers).toEqual([`{"id":"s","result":{${meta('"s"')}}}`]);
  });

  it("ends a subscription with an answer when the server takes it back", () => {
    const { ask, says } = createShared();
    const { caller } = ask('{"id":5}', true);
    const running = ask('{"id":6}');
    for (const requestId of [1, 2])
      says(`{"method":"notifications/cancelled","params":{"requestId":${requestId}}}`);
    expect(caller.answers).toEqual([
      '{"jsonrpc":"2.0","id":5,"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":5}}}',
    ]);
    expect(running.caller).toMatchObject({ answers: [], events: [] });
  });

  it("gives a log line to the only request that asked for any, and else to nobody", () => {
    const { ask, says } = createShared();
    const silent = ask('{"id":1,"method":"x"}');
    const one = ask(`{"id":2,${wantsLog}}`);
    says(LOG_LINE);
    const two = ask(`{"id":3,${wantsLog}}`);
    says(LOG_LINE);
    says('{"id":2,"result":{}}');
    says(LOG_LINE);
    expect([silent, one, two].map(({ caller }) => caller.events.length)).toEqual([0, 1, 1]);
  });

  it("takes every request for one that log lines may be about where none asks for them", () => {
    const { ask, says } = createShared({ isLogAskedFor: false });
    const one = ask('{"id":1}');
    says(LOG_LINE);
    ask('{"id":2}');
    says(LOG_LINE);
    expect(one.caller.events).toEqual([LOG_LINE]);
  });

  it("hands on notifications that belong to no request, and passes over what is no message", () => {
    const { says, unasked } = createShared();
    says('{"method":"notifications/tools/list_changed"}');
    says("Listening on stdio");
    says('{"id":77,"result":{}}');
    expect(unasked).toEqual(['{"method":"notifications/tools/list_changed"}']);
  });

  it("cancels by its own number, once, and takes no answer afterwards", () => {
    const { ask, channel, sent, says } = createShared();
    const { caller, number } = ask('{"id":"a"}');
    channel.cancel(number);
    channel.cancel(number);
    says('{"id":1,"result":{}}');
    expect(sent.slice(1)).toEqual([
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
    ]);
    expect(caller.answers).toEqual([]);
    expect(channel.isIdle).toBe(true);
  });

  it("fails all that runs when the channel closes", () => {
    const { ask, ends, state } = createShared();
    const callers = [ask('{"id":1}'), ask('{"id":1}')];
    ends();
    expect(callers.map(({ caller }) => caller.failures)).toEqual([
      ["UPSTREAM_CLOSED"],
      ["UPSTREAM_CLOSED"],
    ]);
    expect(state.closed).toBe(1);
  });

  it("fails a request that the channel does not take", async () => {
    const { ask, state, channel } = createShared();
    state.sendFails = true;
    const { caller } = ask('{"id":1}');
    await Promise.resolve();
    expect(caller.failures).toEqual(["OVERLOADED"]);
    expect(channel.isIdle).toBe(true);
  });

  it("runs a thousand requests at once, and refuses more", () => {
    const { ask, says } = createShared();
    for (let i = 0; i < 1_000; i++) ask('{"id":1}');
    expect(() => ask('{"id":1}')).toThrow(expect.objectContaining({ reason: "OVERLOADED" }));
    says('{"id":1,"result":{}}');
    expect(() => ask('{"id":1}')).not.toThrow();
  });
});
