import { describe, expect, it } from "@jest/globals";
import { forwardedHeaders } from "./forwarded-headers.ts";

describe("forwardedHeaders", () => {
  it("forwards credentials and trace context", () => {
    const headers = { authorization: "Bearer 1", "x-api-key": "2", traceparent: "00-1-2-01" };
    expect(forwardedHeaders(headers)).toEqual(headers);
  });

  it("keeps back the gateway's own, MCP's, and those of the connection", () => {
    expect(
      forwardedHeaders({
        "x-gwo-upstream-url": "http://a",
        "x-gwo-bridge-secret": "s",
        "x-gwo-org": "o",
        "mcp-session-id": "1",
        "mcp-protocol-version": "2025-06-18",
        host: "127.0.0.1",
        "content-length": "3",
        "content-type": "text/plain",
        "transfer-encoding": "chunked",
        connection: "close",
        "keep-alive": "1",
        te: "trailers",
        upgrade: "h2c",
        "proxy-authorization": "Basic 1",
      }),
    ).toEqual({});
  });
});
