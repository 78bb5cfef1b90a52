import { describe, expect, it } from "@jest/globals";
import { aKey, newId, TIME } from "../../test/samples.ts";
import {
  callerOfKey,
  DEFAULT_SCOPES,
  refusalOf,
  requireWithinMaker,
  type ApiKey,
  type KeyScopes,
} from "./api-key.ts";

const scopes = (changes: Partial<KeyScopes>): KeyScopes => ({ ...DEFAULT_SCOPES, ...changes });

describe("callerOfKey", () => {
  const permissionsOf = (ownerRole: string | undefined, permissions: string[]) => {
    const userId = ownerRole === undefined ? undefined : newId();
    const { key } = aKey(newId(), { userId, scopes: scopes({ permissions }) });
    const limits = { orgRateLimit: undefined, teamRateLimit: undefined, teamScopes: undefined };
    return [...callerOfKey({ key, orgName: "Acme", ownerRole, ...limits }).permissions];
  };

  it.each([
    ["org_admin", ["traces:read", "servers:*"], ["traces:read", "servers:*"]],
    ["org_admin", ["*"], ["*"]],
    ["org_viewer", ["*"], ["traces:read", "costs:read"]],
    ["org_viewer", ["traces:*", "servers:create"], ["traces:read"]],
    ["org_member", ["api_keys:create", "users:create"], ["api_keys:create"]],
    ["gone", ["*"], []],
  ])("gives a key of a %s with %j no more than %j", (role, wanted, granted) => {
    expect(permissionsOf(role, wanted).sort()).toEqual([...granted].sort());
  });

  it("gives a key without an owner what its scopes say", () => {
    expect(permissionsOf(undefined, ["traces:read"])).toEqual(["traces:read"]);
  });
});

describe("refusalOf", () => {
  it("refuses revoked keys, and expired ones from that very millisecond", () => {
    const { key } = aKey(newId(), { expireTime: TIME });
    expect(refusalOf(key, TIME.getTime() - 1)).toBeUndefined();
    expect(refusalOf(key, TIME.getTime())).toBe("KEY_EXPIRED");
    expect(refusalOf({ ...key, revokeTime: TIME }, 0)).toBe("KEY_REVOKED");
    expect(refusalOf({ ...key, suspendTime: TIME }, 0)).toBe("KEY_SUSPENDED");
    expect(refusalOf({ ...key, suspendTime: TIME, revokeTime: TIME }, 0)).toBe("KEY_REVOKED");
  });
});

describe("requireWithinMaker", () => {
  const person = { permissions: new Set(["traces:read", "api_keys:*"]) };
  const makerWith = (changes: Partial<KeyScopes>, expireTime?: Date): ApiKey =>
    aKey(newId(), { scopes: scopes(changes), expireTime }).key;
  const check = (asked: Partial<KeyScopes>, maker?: ApiKey, expireTime?: Date) => () => {
    requireWithinMaker({ scopes: scopes(asked), expireTime }, person, maker);
  };

  it("refuses permissions that the maker has not", () => {
    expect(check({ permissions: ["traces:read", "api_keys:delete"] })).not.toThrow();
    for (const permission of ["costs:read", "traces:*", "*"])
      expect(check({ permissions: [permission] })).toThrow("which you do not have");
  });

  it("refuses servers, tools, rates and a life beyond those of the key that makes it", () => {
    const maker = makerWith({ servers: ["a", "b"], tools: ["a/*", "*/read"], rateRps: 10 }, TIME);
    const fine = { servers: ["a"], tools: ["a/x", "b/read"], rateRps: 10 };
    expect(check(fine, maker, TIME)).not.toThrow();
    expect(check({ ...fine, servers: ["*"] }, maker, TIME)).toThrow("servers");
    expect(check({ ...fine, servers: ["c"] }, maker, TIME)).toThrow("servers");
    expect(check({ ...fine, tools: [] }, maker, TIME)).toThrow("tools");
    expect(check({ ...fine, tools: ["b/write"] }, maker, TIME)).toThrow("tools");
    expect(check({ ...fine, tools: ["*/*"] }, maker, TIME)).toThrow("tools");
    expect(check({ ...fine, rateRps: 0 }, maker, TIME)).toThrow("rate");
    expect(check({ ...fine, rateRps: 11 }, maker, TIME)).toThrow("rate");
    expect(check({ ...fine, rateMode: "observe" }, maker, TIME)).toThrow("rate");
    expect(check(fine, maker)).toThrow("longer life");
    expect(check(fine, maker, new Date(TIME.getTime() + 1))).toThrow("longer life");
  });
});
