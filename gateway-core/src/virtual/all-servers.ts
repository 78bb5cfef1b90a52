import { createWildcard } from "@gatewayops/platform/wildcard";
import type { OrgServers } from "../control/directory.ts";
import type { Principal } from "../control/principal.ts";
import { memberString } from "../mcp/json-members.ts";
import type { McpExchange } from "../mcp/mcp-exchange.ts";
import { patternOf } from "../policy/access.ts";
import { LISTS } from "../policy/visible-lists.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { listerOf } from "./lister.ts";
import { joinedName, mayBeOf } from "./names.ts";
import { listServer, listsOf } from "./server-lists.ts";

/** The servers that an agent may reach, by name. */
export function serversFor(principal: Principal, { servers }: OrgServers): Upstream[] {
  return servers.filter(
    (upstream) => upstream.enabled && principal.access.server(upstream.name) !== "refused",
  );
}

/** Pages of a server's list that are looked through for one name. */
const PAGES_MAX = 20;

/** A server and the name of something of it. */
export type Found = { readonly upstream: Upstream; readonly name: string };

/**
 * What a shortened name stands for: a tool that is known of a server, else what a server that the name may begin with
 * lists.
 */
export async function findShortened(
  exchange: McpExchange,
  servers: readonly Upstream[],
  method: "tools/list" | "prompts/list",
  joined: string,
): Promise<Found | undefined> {
  const likely = servers.filter(({ name }) => mayBeOf(name, joined));
  if (method === "tools/list")
    for (const upstream of likely)
      for (const name of upstream.tools.names())
        if (joinedName(upstream.name, name) === joined) return { upstream, name };
  const found = await Promise.all(
    likely.map(async (upstream) => {
      const name = await nameInList(exchange, upstream, method, joined);
      return name === undefined ? [] : [{ upstream, name }];
    }),
  );
  return found.flat()[0];
}

/** Reads a server's list page by page until something in it has the joined name. */
async function nameInList(
  exchange: McpExchange,
  upstream: Upstream,
  method: "tools/list" | "prompts/list",
  joined: string,
): Promise<string | undefined> {
  const lister = listerOf(exchange);
  let cursor: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const { page } = await listServer(listsOf(exchange), upstream, method, { cursor, lister });
    for (const item of page?.items ?? []) {
      const name = memberString(item, LISTS[method].key);
      if (name !== undefined && joinedName(upstream.name, name) === joined) {
        if (method === "tools/list") upstream.tools.learn([name]);
        return name;
      }
    }
    cursor = page?.nextCursor;
    if (cursor === undefined) return undefined;
  }
  return undefined;
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
  const options = listsOf(exchange);
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
  return template.includes("{") && createWildcard(patternOf(template))(uri);
}
