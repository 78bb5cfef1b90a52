import { createWildcard } from "@gatewayops/platform/wildcard";
import type { PolicyMode } from "./policy-mode.ts";

/** What may be reached through the gateway. Patterns are "server/name"; "*" stands for any characters. */
export type AccessScopes = {
  /** Names of servers; "*" means all, none means none. */
  readonly servers: readonly string[];
  /** Tools that may be called. None means every tool of the servers. */
  readonly tools: readonly string[];
  /** Resources that may be read, by URI. None means every resource of the servers. */
  readonly resources: readonly string[];
  /** Prompts that may be got. None means every prompt of the servers. */
  readonly prompts: readonly string[];
  /** What may not be reached, whatever is allowed above. */
  readonly denyTools: readonly string[];
  readonly denyResources: readonly string[];
  readonly denyPrompts: readonly string[];
  readonly scopesMode: PolicyMode;
};

/** Nothing at all. */
export const NO_ACCESS: AccessScopes = {
  servers: [],
  tools: [],
  resources: [],
  prompts: [],
  denyTools: [],
  denyResources: [],
  denyPrompts: [],
  scopesMode: "enforce",
};

/** What a new key would have beyond its maker, in words; undefined when it has nothing beyond. */
export function accessBeyond(fresh: AccessScopes, own: AccessScopes): string | undefined {
  if (!fresh.servers.every((name) => own.servers.includes("*") || own.servers.includes(name)))
    return "servers that the key you use may not reach";
  if (!isWithin(fresh.tools, own.tools)) return "tools that the key you use may not call";
  if (!isWithin(fresh.resources, own.resources))
    return "resources that the key you use may not read";
  if (!isWithin(fresh.prompts, own.prompts)) return "prompts that the key you use may not get";
  if (!deniesAll(fresh.denyTools, own.denyTools))
    return "tools that the key you use is denied: deny them as well";
  if (!deniesAll(fresh.denyResources, own.denyResources))
    return "resources that the key you use is denied: deny them as well";
  if (!deniesAll(fresh.denyPrompts, own.denyPrompts))
    return "prompts that the key you use is denied: deny them as well";
  if (own.scopesMode === "enforce" && fresh.scopesMode !== "enforce" && restricts(own))
    return "scopes that are only observed, unlike those of the key you use";
  return undefined;
}

/** True when something is out of reach, if only to observe it. */
export function restricts(scopes: AccessScopes): boolean {
  const { servers, tools, resources, prompts, denyTools, denyResources, denyPrompts } = scopes;
  const lists = [tools, resources, prompts, denyTools, denyResources, denyPrompts];
  return !servers.includes("*") || lists.some((list) => list.length > 0);
}

// None means all, so who is limited to some must name some.
function isWithin(asked: readonly string[], own: readonly string[]): boolean {
  return own.length === 0 || (asked.length > 0 && asked.every((one) => isCovered(one, own)));
}

function deniesAll(denied: readonly string[], mustDeny: readonly string[]): boolean {
  return mustDeny.every((one) => isCovered(one, denied));
}

/** True when one of the patterns fits all that this one does. */
function isCovered(pattern: string, by: readonly string[]): boolean {
  const [server, name] = split(pattern);
  return by.some((other) => {
    const [otherServer, otherName] = split(other);
    return createWildcard(otherServer)(server) && createWildcard(otherName)(name);
  });
}

/** Names of servers hold no slash, so the first one ends them. */
function split(pattern: string): [string, string] {
  const slash = pattern.indexOf("/");
  return [pattern.slice(0, slash), pattern.slice(slash + 1)];
}
