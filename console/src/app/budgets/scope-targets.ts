import { inject } from "@angular/core";
import { ApiKeyService } from "@gatewayops/proto/gatewayops/auth/v1/api_key_service_pb";
import { OrganizationService } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";
import { BudgetScope } from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";

import { createQuery, type Query } from "../rpc/query.ts";
import { injectClient } from "../rpc/transport.ts";
import { Session } from "../session/session.ts";

/** Something a budget may be for. */
export interface ScopeTarget {
  readonly id: string;
  readonly name: string;
}

export type ScopeTargets = ReadonlyMap<BudgetScope, readonly ScopeTarget[]>;

const PAGE = { limit: 200 };

/** Asks for what budgets may be for, as far as the caller may read it: the first 200 of each kind. */
export function createScopeTargets(): Query<ScopeTargets> {
  const session = inject(Session);
  const people = injectClient(OrganizationService);
  const keys = injectClient(ApiKeyService);
  const servers = injectClient(McpServerService);
  return createQuery({
    params: () => true,
    load: async (_, signal) => {
      const options = { signal };
      const [teams, users, apiKeys, mcpServers] = await Promise.all([
        session.can("teams:read") ? people.listTeams(PAGE, options) : undefined,
        session.can("users:read") ? people.listUsers(PAGE, options) : undefined,
        session.can("api_keys:read") ? keys.listApiKeys(PAGE, options) : undefined,
        session.can("servers:read") ? servers.listMcpServers(PAGE, options) : undefined,
      ]);
      return new Map<BudgetScope, ScopeTarget[]>([
        [BudgetScope.TEAM, teams?.items ?? []],
        [BudgetScope.USER, (users?.items ?? []).map(({ id, email }) => ({ id, name: email }))],
        [BudgetScope.KEY, apiKeys?.items ?? []],
        [BudgetScope.SERVER, mcpServers?.items ?? []],
      ]);
    },
  });
}
