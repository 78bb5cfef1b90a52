import { describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Failure } from "@gatewayops/platform/errors";
import { createLogger } from "@gatewayops/platform/log";
import { readMessage } from "../mcp/message.ts";
import type { ChannelEvents } from "./channel.ts";
import { ChannelSession } from "./session.ts";

const log = createLogger({
  service: "test",
  level: "silent",
  format: "json",
  maskSensitive: false,
});

type Exchanged = {
  /** What the caller read by the end of its answer. */
  readonly read: Promise<{ status: number; session: string | null; text: string }>;
  readonly response: ServerResponse;
};

/** A session whose channel the test speaks for, and real HTTP exchanges for its answers. */
async function createSession() {
  const sent: string[] = [];
  const state = { closed: 0, ended: 0, sendFailure: undefined as Failure | undefined };
  let events: ChannelEvents | undefined;
  const session = new ChannelSession({ id: "s1", log, onEnd: () => state.ended++ }, (given) => {
    events = given;
    return {
      send: (message) => {
        if (state.sendFailure) return Promise.reject(state.sendFailure);
        sent.push(message.toString("utf8"));
        return Promise.resolve();
      },
      close: () => state.closed++,
    };
  });
  const server: Server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function exchange(): Promise<Exchanged> {
    const arrives = once(server, "request");
    const read = fetch(url).then(async (answer) => ({
      status: answer.status,
      session: answer.headers.get("mcp-session-id"),
      text: await answer.text(),
    }));
    const [, response] = (await arrives) as [unknown, ServerResponse];
    return { read, response };
  }
  return {
    session,
    sent,
    state,
    says: (text: string) => events?.onMessage(Buffer.from(text)),
    ends: (failure: Failure) => events?.onClosed(failure),
    async post(text: string): Promise<Exchanged> {
      const exchanged = await exchange();
      const body = Buffer.from(text);
      session.send({ message: readMessage(body), body, headers: {} }, exchanged.response);
      return exchanged;
    },
    async openStream(): Promise<Exchanged> {
      const exchanged = await exchange();
      expect(session.openStream(exchanged.response)).toBe(true);
      return exchanged;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const request = (id: number, token?: number): string =>
  JSON.stringify({
    jsonrpc: "2.0",
    id,
    method: "x",
    params: token === undefined ? {} : { _meta: { progressToken: token } },
  });
const event = (text: string): string => `event: message\ndata: ${text}\n\n`;
const LOG_LINE = '{"method":"notifications/message"}';
const SAMPLING = '{"id":9,"method":"sampling/createMessage"}';
const CHANGED = '{"method":"notifications/tools/list_changed"}';
const PROGRESS = '{"method":"notifications/progress","params":{"progressToken":2}}';

describe("ChannelSession", () => {
  it("passes messages as they are, and the answer to whoever asked", async () => {
    await using test = await createSession();
    const body = '{"jsonrpc":"2.0", "id":1.0,"method":"x"}';
    const { read } = await test.post(body);
    expect(test.sent).toEqual([body]);
    test.says('{"id":1,"result":{ }}');
    expect(await read).toEqual({ status: 200, session: "s1", text: '{"id":1,"result":{ }}' });
  });

  it("gives what a running request may have caused to the oldest, where no stream is open", async () => {
    await using test = await createSession();
    const [first, second] = [await test.post(request(1)), await test.post(request(2))];
    test.says(LOG_LINE);
    test.says(SAMPLING);
    test.says('{"id":2,"result":{}}');
    test.says('{"id":1,"result":{}}');
    expect((await first.read).text).toBe(
      event(LOG_LINE) + event(SAMPLING) + event('{"id":1,"result":{}}'),
    );
    expect((await second.read).text).toBe('{"id":2,"result":{}}');
  });

  it("gives it to the stream where one is open", async () => {
    await using test = await createSession();
    const stream = await test.openStream();
    const call = await test.post(request(1));
    for (const message of [LOG_LINE, SAMPLING, CHANGED, '{"id":1,"result":{}}']) test.says(message);
    expect((await call.read).text).toBe('{"id":1,"result":{}}');
    test.ends(new Failure("UPSTREAM_CLOSED", "gone"));
    expect((await stream.read).text).toBe(event(LOG_LINE) + event(SAMPLING) + event(CHANGED));
  });

  it("keeps what no request caused for the stream, whatever runs", async () => {
    await using test = await createSession();
    const call = await test.post(request(1));
    test.says(CHANGED);
    test.says('{"id":1,"result":{}}');
    expect((await call.read).text).toBe('{"id":1,"result":{}}');
    test.says(SAMPLING);
    const stream = await test.openStream();
    test.ends(new Failure("UPSTREAM_CLOSED", "gone"));
    expect((await stream.read).text).toBe(event(CHANGED) + event(SAMPLING));
  });

  it("gives progress to the request that asked for it, and keeps none for later", async () => {
    await using test = await createSession();
    const [other, call] = [await test.post(request(1)), await test.post(request(2, 2))];
    test.says(PROGRESS);
    test.says('{"id":2,"result":{}}');
    test.says(PROGRESS);
    test.says('{"id":1,"result":{}}');
    expect((await call.read).text).toBe(event(PROGRESS) + event('{"id":2,"result":{}}'));
    expect((await other.read).text).toBe('{"id":1,"result":{}}');
    const stream = await test.openStream();
    test.ends(new Failure("UPSTREAM_CLOSED", "gone"));
    expect((await stream.read).text).toBe("");
  });

  it("answers what runs with the reason when the channel closes", async () => {
    await using test = await createSession();
    const [plain, streamed] = [await test.post(request(1)), await test.post(request(2, 2))];
    test.says(PROGRESS);
    test.ends(new Failure("UPSTREAM_CLOSED", "gone"));
    const error = (id: number): string =>
      `{"jsonrpc":"2.0","id":${id},"error":{"code":1082,"message":"gone"}}`;
    expect(await plain.read).toMatchObject({ status: 502, text: error(1) });
    expect(await streamed.read).toMatchObject({
      status: 200,
      text: event(PROGRESS) + event(error(2)),
    });
    expect(test.state.ended).toBe(1);
  });

  it("accepts notifications when the server took them, and says when it did not", async () => {
    await using test = await createSession();
    const notification = '{"jsonrpc":"2.0","method":"notifications/cancelled"}';
    expect(await (await test.post(notification)).read).toMatchObject({ status: 202, text: "" });
    test.state.sendFailure = new Failure("UPSTREAM_HTTP_ERROR", "no");
    expect(await (await test.post(notification)).read).toMatchObject({ status: 502 });
    expect(await (await test.post(request(1))).read).toMatchObject({ status: 502 });
    expect(test.session.isIdle).toBe(true);
  });

  it("ends, and names no session, when initialize is refused", async () => {
    await using test = await createSession();
    const { read } = await test.post('{"jsonrpc":"2.0","id":1,"method":"initialize"}');
    test.says('{"id":1,"error":{"code":-32022}}');
    expect(await read).toMatchObject({ status: 200, session: null });
    expect(test.state.closed).toBe(1);
  });

  it("runs a thousand requests at once, and refuses more", async () => {
    await using test = await createSession();
    const silent = { on: () => undefined } as unknown as ServerResponse;
    for (let id = 0; id < 1_000; id++) {
      const body = Buffer.from(request(id));
      test.session.send({ message: readMessage(body), body, headers: {} }, silent);
    }
    expect(await (await test.post(request(1_000))).read).toMatchObject({ status: 503 });
  });
});
