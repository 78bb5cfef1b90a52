import { hash } from "node:crypto";

// Names of many servers in one list. "server__name" where that is a good name; names that are longer than clients take,
// or hold characters that they do not, end in a hash of the whole in place of what is cut.

/** Characters of a name that every client takes (MCP 2026-07-28 server/tools §Tool Names; model APIs take 64). */
const NAME_MAX = 64;
const SEPARATOR = "__";
const HASH_CHARS = 8;
const PLAIN = /^[A-Za-z0-9_.-]{1,64}$/;
const HASHED = /_[0-9a-f]{8}$/;

/** The name of a server's tool or prompt among those of all servers: 1 to 64 characters A-Z a-z 0-9 _ . - */
export function joinedName(server: string, name: string): string {
  const joined = `${server}${SEPARATOR}${name}`;
  if (isSplittable(server) && PLAIN.test(joined) && !HASHED.test(joined)) return joined;
  const rest = `_${hash("sha256", `${server}\0${name}`).slice(0, HASH_CHARS)}`;
  return joined.replaceAll(/[^A-Za-z0-9_.-]/g, "_").slice(0, NAME_MAX - rest.length) + rest;
}

/** A name that was joined without being cut, in its parts; undefined for others, which must be looked for. */
export function splitName(joined: string): { server: string; name: string } | undefined {
  if (HASHED.test(joined)) return undefined;
  const at = joined.indexOf(SEPARATOR);
  if (at <= 0) return undefined;
  return { server: joined.slice(0, at), name: joined.slice(at + SEPARATOR.length) };
}

/** True when a joined name, cut or not, may be that of something of this server. */
export function mayBeOf(server: string, joined: string): boolean {
  return joined.startsWith(`${server}${SEPARATOR}`.slice(0, NAME_MAX - HASH_CHARS - 1));
}

/** Names of servers whose end cannot be mistaken. */
function isSplittable(server: string): boolean {
  return !server.includes(SEPARATOR) && !server.endsWith("_");
}

const SCHEME = "gwo:";

/** The URI, or URI template, of a server's resource among those of all servers. */
export function joinedUri(server: string, uri: string): string {
  return `${SCHEME}${server}:${uri}`;
}

/** A joined URI in its parts; undefined when it is none. */
export function splitUri(joined: string): { server: string; uri: string } | undefined {
  const [, server, uri] = /^gwo:([a-z0-9][a-z0-9_-]*):([^]*)$/.exec(joined) ?? [];
  return server === undefined || uri === undefined ? undefined : { server, uri };
}
