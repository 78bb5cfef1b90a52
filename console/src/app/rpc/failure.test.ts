import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";

import { failureFrom } from "./failure.ts";

describe("failureFrom", () => {
  it("keeps the server's sentence and the request id", () => {
    const error = new ConnectError("The key has expired.", Code.FailedPrecondition, {
      "x-request-id": "req_0123",
    });
    expect(failureFrom(error)).toEqual({
      kind: "invalid",
      message: "The key has expired.",
      requestId: "req_0123",
    });
  });

  it("says how long to wait", () => {
    const error = new ConnectError("Too many tries.", Code.ResourceExhausted, {
      "retry-after": "30",
    });
    expect(failureFrom(error)).toEqual({
      kind: "rate_limited",
      message: "Too many tries.",
      retryAfterSeconds: 30,
    });
  });

  it.each([
    [ConnectError.from(new TypeError("Failed to fetch")), "GatewayOps cannot be reached."],
    [new ConnectError("bad gateway", Code.Unavailable), "GatewayOps cannot be reached."],
    [new ConnectError("", Code.DeadlineExceeded), "GatewayOps did not answer in time."],
  ])("takes %s for a server that is away", (error, message) => {
    expect(failureFrom(error)).toEqual({ kind: "unreachable", message });
  });

  it("has a sentence where the server has none", () => {
    expect(failureFrom(new ConnectError("", Code.Internal)).message).toBe(
      "The request failed without a message.",
    );
  });
});
