import { describe, expect, it } from "@jest/globals";
import { Operation } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { createScopes, type Principal } from "../control/principal.ts";
import type { McpMessage } from "../mcp/message.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { refusalOf } from "./authorize.ts";

function reasonOf(options: {
  servers: string[];
  tools?: string[];
  method?: string;
  target?: string;
  isEnabled?: boolean;
}): string | undefined {
  const principal = {
    keyName: "agent",
    scopes: createScopes(options.servers, options.tools ?? []),
  } as unknown as Principal;
  const upstream = { name: "files", enabled: options.isEnabled ?? true } as Upstream;
  const message: McpMessage = {
    kind: "request",
    idText: "1",
    method: options.method ?? "tools/call",
    target: options.target ?? "read",
    operation: Operation.TOOLS_CALL,
    era: "legacy",
    version: "",
    traceparent: undefined,
    params: {},
  };
  return refusalOf(principal, upstream, message)?.reason;
}

describe("refusalOf", () => {
  it.each([
    ["a key for the server", { servers: ["files"] }, undefined],
    ["a key for all servers", { servers: ["*"] }, undefined],
    ["a key for the tool", { servers: ["*"], tools: ["files/read"] }, undefined],
    ["a key for no server", { servers: [] }, "SERVER_UNKNOWN"],
    ["a key for another server", { servers: ["mail"] }, "SERVER_UNKNOWN"],
    ["a key for another tool", { servers: ["*"], tools: ["files/write"] }, "SCOPE_DENIED"],
    [
      "a key for another tool that lists",
      { servers: ["*"], tools: ["files/write"], method: "tools/list" },
      undefined,
    ],
    ["a server that is off", { servers: ["*"], isEnabled: false }, "SERVER_DISABLED"],
    [
      "a server that is off for a key that may not know of it",
      { servers: ["mail"], isEnabled: false },
      "SERVER_UNKNOWN",
    ],
  ])("%s", (_, options, reason) => {
    expect(reasonOf(options)).toBe(reason);
  });
});
