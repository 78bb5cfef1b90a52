import { isGranted } from "@gatewayops/platform/rpc/caller";

/** Role of a person in an organisation. */
export type OrgRole = "org_admin" | "org_member" | "org_viewer";

/** What a role grants, and where. */
export type RoleSpec = {
  /** "org": everywhere in the organisation. "team": only for what belongs to the team. */
  readonly scope: "org" | "team";
  /** "resource:action", "resource:*" or "*". */
  readonly permissions: readonly string[];
};

/**
 * The roles of the specification's "Authorization Model". Its "(own)" is `ownKeysOnly`. Nobody is given "team_admin"
 * yet: a caller has no team-scoped permissions.
 */
export const ROLES = {
  org_admin: { scope: "org", permissions: ["*"] },
  org_member: {
    scope: "org",
    permissions: ["traces:read", "costs:read", "api_keys:read", "api_keys:create"],
  },
  org_viewer: { scope: "org", permissions: ["traces:read", "costs:read"] },
  team_admin: { scope: "team", permissions: ["team:*", "api_keys:*", "budgets:*"] },
} as const satisfies Record<string, RoleSpec>;

/** The permissions a role grants in the whole organisation. None for an unknown role. */
export function orgPermissionsOf(role: string): ReadonlySet<string> {
  const spec = Object.hasOwn(ROLES, role) ? ROLES[role as keyof typeof ROLES] : undefined;
  return new Set(spec?.scope === "org" ? spec.permissions : []);
}

/** What both sets grant, wild cards included: {"traces:*", "costs:read"} and {"traces:read"} give {"traces:read"}. */
export function intersectPermissions(
  a: ReadonlySet<string>,
  b: ReadonlySet<string>,
): ReadonlySet<string> {
  return new Set([
    ...[...a].filter((permission) => isGranted(b, permission)),
    ...[...b].filter((permission) => isGranted(a, permission)),
  ]);
}

/** True when the caller sees and revokes only keys of their own. */
export function ownKeysOnly(caller: { readonly role: string }): boolean {
  return caller.role !== "org_admin";
}
