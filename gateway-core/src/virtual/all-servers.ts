import { createWildcard } from "@gatewayops/platform/wildcard";
import type { OrgServers } from "../control/directory.ts";
import type { Principal } from "../control/principal.ts";
import { memberString } from "../mcp/json-members.ts";
import type { McpExchange } from "../mcp/mcp-exchange.ts";
import { isVisible } from "../policy/visibility.ts";
import type { ListMethod } from "../policy/visible-lists.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { listerOf } from "./lister.ts";
import { joinedName } from "./names.ts";
import { listServer } from "./server-lists.ts";

/** The servers that an agent may reach, by name. */
export function serversFor(principal: Principal, { servers }: OrgServers): Upstream[] {
  return servers.filter(
    (upstream) => upstream.enabled && principal.access.server(upstream.name) !== "refused",
  );
}

/** A server and the name of something of it. */
export type Found = { readonly upstream: Upstream; readonly name: string };

/** The tool that a shortened name stands for, among those that are known of the servers. */
export function findTool(servers: readonly Upstream[], joined: string): Found | undefined {
  for (const upstream of servers)
    for (const name of upstream.tools.names())
      if (joinedName(upstream.name, name) === joined) return { upstream, name };
  return undefined;
}

export function maySee(
  principal: Principal,
  upstream: Upstream,
  method: ListMethod,
  name: string,
): boolean {
  return isVisible(principal.access, upstream, method, name);
}

/**
 * The one server that lists a resource under its own URI, or a template that it fits; undefined when there is none, or
 * more than one.
 */
export async function resourceOwner(
  exchange: McpExchange,
  servers: readonly Upstream[],
  uri: string,
): Promise<Upstream | undefined> {
  if (servers.length === 1) return servers[0];
  const { context, pipeline } = exchange;
  const options = { calls: context.calls, cache: context.lists, now: pipeline.now };
  const asked = { cursor: undefined, lister: listerOf(exchange) };
  const owners = await Promise.all(
    servers.map(async (upstream) => {
      const [resources, templates] = await Promise.all([
        listServer(options, upstream, "resources/list", asked),
        listServer(options, upstream, "resources/templates/list", asked),
      ]);
      const isListed = resources.page?.items.some((item) => memberString(item, "uri") === uri);
      const fits = templates.page?.items.some((item) =>
        fitsTemplate(memberString(item, "uriTemplate") ?? "", uri),
      );
      return isListed === true || fits === true ? [upstream] : [];
    }),
  );
  const [owner, ...others] = owners.flat();
  return others.length === 0 ? owner : undefined;
}

/** True when a URI may be made of a template (RFC 6570): its fixed parts follow one another in it. */
function fitsTemplate(template: string, uri: string): boolean {
  return template.includes("{") && createWildcard(template.replaceAll(/\{[^{}]*\}/g, "*"))(uri);
}
