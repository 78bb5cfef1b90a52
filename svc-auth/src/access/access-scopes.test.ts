import { describe, expect, it } from "@jest/globals";
import { accessBeyond, NO_ACCESS, type AccessScopes } from "./access-scopes.ts";

const beyond = (fresh: Partial<AccessScopes>, own: Partial<AccessScopes>) =>
  accessBeyond({ ...NO_ACCESS, ...fresh }, { ...NO_ACCESS, ...own });

describe("accessBeyond", () => {
  it.each<[Partial<AccessScopes>, Partial<AccessScopes>]>([
    [{ servers: ["a"] }, { servers: ["*"] }],
    [{ tools: ["a/read_file"] }, { tools: ["a/read_*"] }],
    [{ tools: ["a/read_*_x"] }, { tools: ["*/read_*"] }],
    [{ resources: ["a/file:///srv/x/*"] }, { resources: ["a/file:///srv/*"] }],
    [{ prompts: ["a/x"] }, {}],
    [{ denyTools: ["*/delete_*"] }, { denyTools: ["a/delete_user"] }],
    [{ scopesMode: "observe" }, { scopesMode: "observe" }],
    [{ servers: ["*"], scopesMode: "observe" }, { servers: ["*"] }],
  ])("finds nothing in %j beyond %j", (fresh, own) => {
    expect(beyond(fresh, own)).toBeUndefined();
  });

  it.each<[Partial<AccessScopes>, Partial<AccessScopes>, string]>([
    [{ servers: ["*"] }, { servers: ["a"] }, "servers"],
    [{ tools: ["a/read_*"] }, { tools: ["a/read_file"] }, "tools"],
    [{ tools: ["*/read"] }, { tools: ["a/read"] }, "tools"],
    [{}, { resources: ["a/file:///srv/*"] }, "resources"],
    [{ resources: ["a/file:///etc/x"] }, { resources: ["a/file:///srv/*"] }, "resources"],
    [{ prompts: ["b/x"] }, { prompts: ["a/*"] }, "prompts"],
    [{}, { denyTools: ["a/delete_user"] }, "deny"],
    [{ denyResources: ["a/x"] }, { denyResources: ["a/*"] }, "deny"],
    [{ denyPrompts: ["b/x"] }, { denyPrompts: ["a/x"] }, "deny"],
    [{ scopesMode: "observe" }, {}, "observed"],
    [
      { servers: ["*"], denyTools: ["a/x"], scopesMode: "observe" },
      { servers: ["*"], denyTools: ["a/x"] },
      "observed",
    ],
  ])("finds in %j beyond %j: %s", (fresh, own, words) => {
    expect(beyond(fresh, own)).toContain(words);
  });
});
