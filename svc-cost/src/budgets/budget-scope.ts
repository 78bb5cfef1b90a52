import { invalidRequest } from "@gatewayops/platform/errors";
import { failureFromConnect, isPeerAway } from "@gatewayops/platform/rpc/errors";
import { NamedKind } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import type { BudgetScopeType } from "./budget.ts";
import type { SpendScope } from "./spend-store.ts";
import { authAway } from "./time-zones.ts";

/** Checks what a new budget is for. */
export type ScopeCheck = (orgId: string, scope: SpendScope) => Promise<void>;

/** `ResolveNames` of svc-auth's client. */
export type LookUpNames = (request: {
  readonly refs: { readonly orgId: string; readonly kind: NamedKind; readonly id: string }[];
}) => Promise<{ readonly entries: readonly unknown[] }>;

const KINDS: Readonly<Partial<Record<BudgetScopeType, NamedKind>>> = {
  team: NamedKind.TEAM,
  user: NamedKind.USER,
  key: NamedKind.API_KEY,
  server: NamedKind.SERVER,
};

/**
 * Makes the check that a scope is one that calls are counted for, and that the organisation has what its id stands for.
 * It throws Failure REQUEST_INVALID with the field, or AUTH_UNAVAILABLE when svc-auth cannot be asked.
 */
export function createScopeCheck(lookUp: LookUpNames): ScopeCheck {
  return async (orgId, { scopeType, scopeId }) => {
    if (scopeType === "project")
      throw invalid("scope_type", "must not be a project: API keys do not belong to projects");
    if (scopeType === "org") {
      if (scopeId === undefined) return;
      throw invalid("scope_id", "must be empty for the organisation");
    }
    if (scopeId === undefined)
      throw invalid("scope_id", `is required: the UUID of the ${scopeType}`);
    const kind = KINDS[scopeType] ?? NamedKind.UNSPECIFIED;
    if (!(await isKnown({ orgId, kind, id: scopeId })))
      throw invalid("scope_id", `is not the UUID of a ${scopeType} of the organisation`);
  };

  async function isKnown(ref: { orgId: string; kind: NamedKind; id: string }): Promise<boolean> {
    try {
      return (await lookUp({ refs: [ref] })).entries.length > 0;
    } catch (error) {
      throw isPeerAway(error) ? authAway(error) : failureFromConnect(error);
    }
  }
}

function invalid(field: string, message: string): Error {
  return invalidRequest([{ field, message }]);
}
