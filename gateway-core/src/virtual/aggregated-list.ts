import { jsonTextOf, memberString } from "../mcp/json-members.ts";
import { editsOfObject, splice } from "../mcp/json-splice.ts";
import { isBrokenTool } from "../mcp/list-edit.ts";
import { resultOf, type LocalResult } from "../mcp/local-answer.ts";
import type { McpExchange } from "../mcp/mcp-exchange.ts";
import { MessageError } from "../mcp/message.ts";
import { isVisible } from "../policy/visibility.ts";
import { LISTS, type ListMethod } from "../policy/visible-lists.ts";
import { serversFor } from "./all-servers.ts";
import { combinedCursor, splitCursor } from "./combined-cursor.ts";
import { joinedName, joinedUri } from "./names.ts";
import { listServer, listsOf, type Lister, type ServerListing } from "./server-lists.ts";

/** Key of the entry in `_meta` that says which servers are missing from a list, and why. */
export const UNAVAILABLE_META = "io.gatewayops/unavailable";

const INVALID_PARAMS = -32602;

/**
 * A page of all servers' lists as one: entries that the agent may see, under names that say whose they are. Servers are
 * asked at the same time. What one that does not answer does to the list is the organisation's choice:
 *
 * - strict: the list fails
 * - lenient: the others' entries, and `_meta` says what is missing
 * - last known good: the entries it listed before, and `_meta` says since when
 *
 * @throws MessageError for a cursor that is none; Failure in strict mode
 */
export async function aggregatedList(
  exchange: McpExchange,
  method: ListMethod,
  lister: Lister,
): Promise<LocalResult> {
  const { principal, pipeline, message } = exchange;
  const { servers, listMode } = await pipeline.directory.servers(principal.orgIdText);
  const all = serversFor(principal, { servers, listMode });
  const cursors = cursorsOf(message.params["cursor"]);
  const asked = cursors ? all.filter(({ name }) => cursors.has(name)) : all;
  const listings = await Promise.all(
    asked.map((upstream) =>
      listServer(listsOf(exchange), upstream, method, {
        cursor: cursors?.get(upstream.name),
        lister,
      }),
    ),
  );
  const failed = listings.filter(({ failure }) => failure !== undefined);
  if (listMode === "strict" && failed[0]?.failure) throw failed[0].failure;
  const shown =
    listMode === "last_known_good"
      ? listings
      : listings.filter(({ failure }) => failure === undefined);
  const items = shown.flatMap((listing) => entriesOf(exchange, method, listing));
  const next = new Map(
    shown.flatMap(({ upstream, page }) =>
      page?.nextCursor === undefined ? [] : [[upstream.name, page.nextCursor] as const],
    ),
  );
  const cursor = combinedCursor(next);
  const members = [
    ...(message.era === "modern"
      ? ['"resultType":"complete"', '"ttlMs":0', '"cacheScope":"private"']
      : []),
    `"${LISTS[method].list}":[${items.map((item) => item.toString("utf8")).join(",")}]`,
    ...(cursor === undefined ? [] : [`"nextCursor":"${cursor}"`]),
    ...(failed.length === 0
      ? []
      : [
          `"_meta":${JSON.stringify({ [UNAVAILABLE_META]: failed.map((one) => unavailable(one, shown.includes(one))) })}`,
        ]),
  ];
  return resultOf(exchange, `{${members.join(",")}}`);
}

function cursorsOf(given: unknown): ReadonlyMap<string, string> | undefined {
  if (given === undefined) return undefined;
  const cursors = typeof given === "string" ? splitCursor(given) : undefined;
  if (cursors) return cursors;
  throw new MessageError(INVALID_PARAMS, '"params.cursor" is not one of this list.');
}

/** What the list says of a server that did not answer. */
function unavailable({ upstream, page, failure }: ServerListing, isShown: boolean): object {
  const isStale = isShown && page !== undefined;
  return {
    server: upstream.name,
    state: isStale ? "stale" : "missing",
    reason: failure?.reason,
    message: failure?.message,
    ...(isStale ? { listed_at: new Date(page.listedAt).toISOString() } : {}),
  };
}

function entriesOf(
  { principal, pipeline }: McpExchange,
  method: ListMethod,
  { upstream, page }: ServerListing,
): Buffer[] {
  const { key } = LISTS[method];
  const join = key === "name" ? joinedName : joinedUri;
  return (page?.items ?? []).flatMap((item) => {
    const name = memberString(item, key);
    if (name === undefined || !isVisible(principal.access, upstream, method, name)) return [];
    if (method === "tools/list" && isBrokenTool(item)) {
      pipeline.log.warn(
        { mcp_server: upstream.name, mcp_tool: name },
        "a tool is left out: its x-mcp-header marks break the rules",
      );
      return [];
    }
    const set = new Map([[key, JSON.stringify(join(upstream.name, name))]]);
    return [splice(item, editsOfObject(jsonTextOf(item), 0, { set }))];
  });
}
