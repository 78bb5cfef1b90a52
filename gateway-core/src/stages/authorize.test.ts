import { describe, expect, it } from "@jest/globals";
import { PolicyMode } from "@gatewayops/proto/gatewayops/auth/v1/policy_mode_pb";
import { StageOutcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { Principal } from "../control/principal.ts";
import { readMessage, type McpMessage } from "../mcp/message.ts";
import { createAccess, type ScopeLists } from "../policy/access.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { authorize } from "./authorize.ts";

type Options = {
  scopes?: Partial<ScopeLists>;
  method?: string;
  params?: object;
  isEnabled?: boolean;
  toolsOff?: string[];
};

function authorized({ scopes, method, params, isEnabled = true, toolsOff = [] }: Options) {
  const lists: ScopeLists = {
    servers: ["*"],
    tools: [],
    resources: [],
    prompts: [],
    denyTools: [],
    denyResources: [],
    denyPrompts: [],
    scopesMode: PolicyMode.ENFORCE,
    ...scopes,
  };
  const principal = { keyName: "agent", access: createAccess([lists]) } as unknown as Principal;
  const known = new Map(toolsOff.map((name) => [name, { isEnabled: false }]));
  const upstream = { name: "files", enabled: isEnabled, known } as unknown as Upstream;
  const message: McpMessage = readMessage(
    Buffer.from(
      JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: method ?? "tools/call",
        params: params ?? { name: "read" },
      }),
    ),
  );
  return authorize(principal, upstream, message);
}

const reasonOf = (options: Options) => authorized(options).refusal?.reason;

describe("authorize", () => {
  it.each<[string, Options, string | undefined]>([
    ["a key for the server", { scopes: { servers: ["files"] } }, undefined],
    ["a key for all servers", {}, undefined],
    ["a key for the tool", { scopes: { tools: ["files/read"] } }, undefined],
    ["a key for no server", { scopes: { servers: [] } }, "SERVER_UNKNOWN"],
    ["a key for another server", { scopes: { servers: ["mail"] } }, "SERVER_UNKNOWN"],
    ["a key for another tool", { scopes: { tools: ["files/write"] } }, "SCOPE_DENIED"],
    ["a key that is denied the tool", { scopes: { denyTools: ["*/read"] } }, "SCOPE_DENIED"],
    [
      "a key for another tool that lists",
      { scopes: { tools: ["files/write"] }, method: "tools/list" },
      undefined,
    ],
    ["a server that is off", { isEnabled: false }, "SERVER_DISABLED"],
    [
      "a server that is off for a key that may not know of it",
      { scopes: { servers: ["mail"] }, isEnabled: false },
      "SERVER_UNKNOWN",
    ],
    ["a tool that is off", { toolsOff: ["read"] }, "TOOL_DISABLED"],
    ["another tool that is off", { toolsOff: ["write"] }, undefined],
    [
      "a tool that is off for a key that may not call it",
      { scopes: { tools: ["files/write"] }, toolsOff: ["read"] },
      "SCOPE_DENIED",
    ],
  ])("%s", (_, options, reason) => {
    expect(reasonOf(options)).toBe(reason);
  });

  const ref = { type: "ref/resource", uri: "file:///srv/{name}" };
  it.each([
    ["resources/read", { uri: "file:///etc/x" }, "SCOPE_DENIED"],
    ["resources/read", { uri: "file:///srv/x" }, undefined],
    ["resources/subscribe", { uri: "file:///etc/x" }, "SCOPE_DENIED"],
    ["resources/subscribe", { uri: "file:///srv/x" }, undefined],
    ["resources/subscribe", {}, "SCOPE_DENIED"],
    ["prompts/get", { name: "other" }, "SCOPE_DENIED"],
    ["prompts/get", { name: "greet" }, undefined],
    ["completion/complete", { ref: { type: "ref/prompt", name: "other" } }, "SCOPE_DENIED"],
    ["completion/complete", { ref: { type: "ref/prompt", name: "greet" } }, undefined],
    ["completion/complete", { ref: { ...ref, uri: "file:///etc/{name}" } }, "SCOPE_DENIED"],
    ["completion/complete", { ref }, undefined],
    ["completion/complete", {}, "SCOPE_DENIED"],
    [
      "subscriptions/listen",
      { notifications: { resourceSubscriptions: ["file:///srv/x", "file:///etc/x"] } },
      "SCOPE_DENIED",
    ],
    [
      "subscriptions/listen",
      { notifications: { resourceSubscriptions: ["file:///srv/x"], toolsListChanged: true } },
      undefined,
    ],
    ["resources/list", {}, undefined],
  ])("%s of %j: %s", (method, params, reason) => {
    const scopes = { resources: ["files/file:///srv/*"], prompts: ["files/greet"] };
    expect(reasonOf({ scopes, method, params })).toBe(reason);
  });

  it("lets pass what scopes only observe, and says so", () => {
    const scopesMode = PolicyMode.OBSERVE;
    for (const scopes of [{ servers: [] }, { tools: ["files/write"] }, { denyTools: ["*/*"] }])
      expect(authorized({ scopes: { ...scopes, scopesMode } })).toEqual({
        outcome: StageOutcome.OBSERVED,
        refusal: undefined,
      });
    expect(authorized({ scopes: { scopesMode } }).outcome).toBe(StageOutcome.PASSED);
  });

  it("refuses what is switched off, though scopes only observe", () => {
    const scopes = { servers: [], scopesMode: PolicyMode.OBSERVE };
    expect(reasonOf({ scopes, toolsOff: ["read"] })).toBe("TOOL_DISABLED");
    expect(reasonOf({ scopes, isEnabled: false })).toBe("SERVER_DISABLED");
  });
});
