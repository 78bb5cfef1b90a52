import { policyModeFrom, toPolicyMode } from "./policy-mode.ts";
import type { AccessScopes } from "./access-scopes.ts";
import type { TeamScopes as AccessMessage } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";

/** The fields that scopes of keys and of teams have in common. */
export type AccessFields = Omit<AccessMessage, "$typeName" | "$unknown">;

export function toAccessFields(scopes: AccessScopes): AccessFields {
  return {
    servers: [...scopes.servers],
    tools: [...scopes.tools],
    resources: [...scopes.resources],
    prompts: [...scopes.prompts],
    denyTools: [...scopes.denyTools],
    denyResources: [...scopes.denyResources],
    denyPrompts: [...scopes.denyPrompts],
    scopesMode: toPolicyMode(scopes.scopesMode),
  };
}

export function accessFrom(fields: AccessFields): AccessScopes {
  return {
    servers: unique(fields.servers),
    tools: unique(fields.tools),
    resources: unique(fields.resources),
    prompts: unique(fields.prompts),
    denyTools: unique(fields.denyTools),
    denyResources: unique(fields.denyResources),
    denyPrompts: unique(fields.denyPrompts),
    scopesMode: policyModeFrom(fields.scopesMode),
  };
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
