import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { KeyScopesSchema } from "@gatewayops/proto/gatewayops/auth/v1/api_key_pb";
import { PolicyMode } from "@gatewayops/proto/gatewayops/auth/v1/policy_mode_pb";
import { createAccess } from "./access.ts";
import { isVisible } from "./visibility.ts";

const known = (isEnabled: boolean) => ({ isEnabled, hash: "", changeTimeMs: undefined });
const upstream = {
  name: "s",
  known: new Map([
    ["on", known(true)],
    ["off", known(false)],
  ]),
};
const lists = {
  servers: ["*"],
  denyTools: ["s/rm"],
  resources: ["s/file:///srv/*"],
  prompts: ["s/p"],
};

describe("isVisible", () => {
  const access = createAccess([create(KeyScopesSchema, lists)]);

  it.each([
    ["tools/list", "on", true],
    ["tools/list", "unknown", true],
    ["tools/list", "off", false],
    ["tools/list", "rm", false],
    ["prompts/list", "p", true],
    ["prompts/list", "q", false],
    ["resources/list", "file:///srv/x", true],
    ["resources/list", "file:///etc/x", false],
    ["resources/templates/list", "file:///{x}", true],
    ["resources/templates/list", "http://{x}", false],
  ] as const)("of %s shows %s: %s", (method, name, expected) => {
    expect(isVisible(access, upstream, method, name)).toBe(expected);
  });

  it("shows what is only observed, but not what is switched off", () => {
    const observing = createAccess([
      create(KeyScopesSchema, { ...lists, scopesMode: PolicyMode.OBSERVE }),
    ]);
    expect(isVisible(observing, upstream, "tools/list", "rm")).toBe(true);
    expect(isVisible(observing, upstream, "tools/list", "off")).toBe(false);
  });
});
