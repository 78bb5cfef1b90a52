import { describe, expect, it } from "@jest/globals";
import { intersectPermissions, orgPermissionsOf, ownKeysOnly, ROLES } from "./roles.ts";

describe("ROLES", () => {
  // The specification's "Authorization Model", copied by hand.
  it("grants what the specification says", () => {
    expect(ROLES).toEqual({
      org_admin: { scope: "org", permissions: ["*"] },
      org_member: {
        scope: "org",
        permissions: ["traces:read", "costs:read", "api_keys:read", "api_keys:create"],
      },
      org_viewer: { scope: "org", permissions: ["traces:read", "costs:read"] },
      team_admin: { scope: "team", permissions: ["team:*", "api_keys:*", "budgets:*"] },
    });
  });
});

describe("orgPermissionsOf", () => {
  it("gives nothing for unknown roles and roles of teams", () => {
    for (const role of ["", "root", "team_admin", "constructor", "__proto__"])
      expect([...orgPermissionsOf(role)]).toEqual([]);
    expect([...orgPermissionsOf("org_viewer")]).toEqual(["traces:read", "costs:read"]);
  });
});

describe("intersectPermissions", () => {
  it.each([
    [["*"], ["*"], ["*"]],
    [["*"], ["a:b"], ["a:b"]],
    [["a:*"], ["a:b", "c:d"], ["a:b"]],
    [["a:*"], ["a:*", "a:b"], ["a:*", "a:b"]],
    [["a:b"], ["a:c"], []],
    [[], ["*"], []],
  ])("of %j and %j is %j", (a, b, both) => {
    expect([...intersectPermissions(new Set(a), new Set(b))].sort()).toEqual(both);
    expect([...intersectPermissions(new Set(b), new Set(a))].sort()).toEqual(both);
  });
});

describe("ownKeysOnly", () => {
  it("holds for everyone but administrators", () => {
    expect(
      ["org_admin", "org_member", "org_viewer", ""].map((role) => ownKeysOnly({ role })),
    ).toEqual([false, true, true, true]);
  });
});
