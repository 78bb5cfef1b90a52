import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { Failure } from "@gatewayops/platform/errors";
import type { ChannelEvents } from "./channel.ts";
import { probeEra } from "./era-probe.ts";

/** Probes a channel to which the test gives the server's words. */
function probe() {
  const sent: string[] = [];
  let closed = 0;
  let events: ChannelEvents | undefined;
  const found = probeEra((given) => {
    events = given;
    return {
      send: (message) => {
        sent.push(message.toString("utf8"));
        return Promise.resolve();
      },
      close: () => closed++,
    };
  });
  return {
    found,
    sent,
    closed: () => closed,
    says: (text: string) => events?.onMessage(Buffer.from(text)),
    ends: (failure: Failure) => events?.onClosed(failure),
  };
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe("probeEra", () => {
  it("asks with server/discover and the modern envelope, and ends the channel", async () => {
    const { sent, says, found, closed } = probe();
    expect(JSON.parse(sent[0]!)).toMatchObject({
      jsonrpc: "2.0",
      method: "server/discover",
      params: {
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientCapabilities": {},
        },
      },
    });
    says('{"id":0,"result":{"supportedVersions":["2026-07-28"]}}');
    await expect(found).resolves.toEqual({ era: "modern", isCertain: true });
    expect(closed()).toBe(1);
  });

  it.each([
    ['{"id":0,"result":{"supportedVersions":["2026-07-28"]}}', "modern"],
    ['{"id":0,"error":{"code":-32022,"data":{"supported":["2027-01-01"]}}}', "modern"],
    ['{"id":0,"error":{"code":-32022,"message":"?"}}', "legacy"],
    ['{"id":0,"error":{"code":-32601,"message":"Method not found"}}', "legacy"],
    ['{"id":0,"error":{"code":-32000,"message":"Not initialized"}}', "legacy"],
    ['{"id":0,"result":{}}', "legacy"],
  ])("takes %s for %s", async (answer, era) => {
    const { says, found } = probe();
    says("Server ready");
    says('{"method":"notifications/message","params":{}}');
    says(answer);
    await expect(found).resolves.toEqual({ era, isCertain: true });
  });

  it("takes the end of the process for legacy", async () => {
    const { ends, found } = probe();
    ends(new Failure("UPSTREAM_CLOSED", "ended"));
    await expect(found).resolves.toEqual({ era: "legacy", isCertain: true });
  });

  it("takes five seconds of silence for legacy, but not for certain", async () => {
    const { found, closed } = probe();
    jest.advanceTimersByTime(4_999);
    expect(closed()).toBe(0);
    jest.advanceTimersByTime(1);
    await expect(found).resolves.toEqual({ era: "legacy", isCertain: false });
    expect(closed()).toBe(1);
  });

  it("learns nothing from a server that cannot be started", async () => {
    const { ends, found } = probe();
    ends(new Failure("UPSTREAM_UNREACHABLE", "no such file"));
    await expect(found).rejects.toMatchObject({ reason: "UPSTREAM_UNREACHABLE" });
  });
});
