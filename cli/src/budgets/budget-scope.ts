import { ApiKeyService } from "@gatewayops/proto/gatewayops/auth/v1/api_key_service_pb";
import { OrganizationService } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";
import { BudgetScope, type Budget } from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { allPages } from "../client/options.ts";
import type { Clients } from "../client/target.ts";
import { Problem } from "../problem.ts";

/** Whose calls a budget is for, as a person says it: "org", or a kind and a name or id, "team:platform". */
export type WantedScope = { readonly kind: ScopeKind; readonly name: string };

const SCOPES = {
  org: BudgetScope.ORG,
  team: BudgetScope.TEAM,
  user: BudgetScope.USER,
  key: BudgetScope.KEY,
  server: BudgetScope.SERVER,
} as const;

export type ScopeKind = keyof typeof SCOPES;

/** @throws Problem when the text is no scope */
export function scopeFrom(text: string): WantedScope {
  const [, kind = "", name = ""] = /^([a-z]+)(?::(.+))?$/s.exec(text) ?? [];
  if (kind === "org" ? name === "" : Object.hasOwn(SCOPES, kind) && name !== "")
    return { kind: kind as ScopeKind, name };
  throw new Problem(
    `--for ${text} is no scope`,
    "Use org, team:NAME, user:EMAIL, key:NAME or server:NAME; an id does as well as a name.",
  );
}

/** The scope as the contract has it: its number, and the id that the name stands for. */
export async function resolveScope(
  clients: Clients,
  { kind, name }: WantedScope,
): Promise<{ scopeType: BudgetScope; scopeId: string }> {
  const scopeType = SCOPES[kind];
  if (kind === "org") return { scopeType, scopeId: "" };
  const found = (await namedOf(clients, kind)).filter(
    ({ id, names }) => id === name || names.includes(name),
  );
  const [only] = found;
  if (only && found.length === 1) return { scopeType, scopeId: only.id };
  throw only
    ? new Problem(
        `${found.length} ${kind}s are named ${name}`,
        `Say which by its id: ${found.map(({ id }) => id).join(", ")}.`,
      )
    : new Problem(`there is no ${kind} named ${name}`, "Write its name as it is, or its id.");
}

/** Shows whose calls a budget is for: "team 0199c1e2-…". */
export function scopeText({ scopeType, scopeId }: Pick<Budget, "scopeType" | "scopeId">): string {
  const kinds = Object.keys(SCOPES) as ScopeKind[];
  const kind = kinds.find((each) => SCOPES[each] === scopeType) ?? "?";
  return scopeId === "" ? kind : `${kind} ${scopeId}`;
}

type Named = { readonly id: string; readonly names: readonly string[] };

async function namedOf(clients: Clients, kind: Exclude<ScopeKind, "org">): Promise<Named[]> {
  const page = (cursor: string) => ({ limit: 200, cursor });
  const people = clients(OrganizationService);
  switch (kind) {
    case "team": {
      const teams = await allPages((cursor) => people.listTeams(page(cursor)));
      return teams.map(({ id, name, slug }) => ({ id, names: [name, slug] }));
    }
    case "user": {
      const users = await allPages((cursor) => people.listUsers(page(cursor)));
      return users.map(({ id, email }) => ({ id, names: [email] }));
    }
    case "key": {
      const keys = await allPages((cursor) => clients(ApiKeyService).listApiKeys(page(cursor)));
      return keys.map(({ id, name }) => ({ id, names: [name] }));
    }
    case "server": {
      const servers = await allPages((cursor) =>
        clients(McpServerService).listMcpServers(page(cursor)),
      );
      return servers.map(({ id, name }) => ({ id, names: [name] }));
    }
  }
}
