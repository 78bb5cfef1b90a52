import { jsonTextOf, memberNamed, membersOf, type JsonText } from "./json-members.ts";
import { editsOfObject, splice, type Edit } from "./json-splice.ts";

/** Revisions the gateway speaks, newest first. */
export const MODERN_VERSION = "2026-07-28";
export const LEGACY_VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] as const;
export const LEGACY_VERSION = LEGACY_VERSIONS[0];

const PREFIX = "io.modelcontextprotocol/";
export const VERSION_META = `${PREFIX}protocolVersion`;
export const CAPABILITIES_META = `${PREFIX}clientCapabilities`;
export const CLIENT_INFO_META = `${PREFIX}clientInfo`;
export const LOG_LEVEL_META = `${PREFIX}logLevel`;
export const SERVER_INFO_META = `${PREFIX}serverInfo`;
export const SUBSCRIPTION_META = `${PREFIX}subscriptionId`;

/** Members of `_meta` that belong to one hop of a modern request, not to the request. */
const ENVELOPE: ReadonlySet<string> = new Set([
  VERSION_META,
  CAPABILITIES_META,
  CLIENT_INFO_META,
  LOG_LEVEL_META,
]);
/** Members of params that carry the rounds of a multi-round request (MCP 2026-07-28 patterns/mrtr). */
const ROUNDS: ReadonlySet<string> = new Set(["inputResponses", "requestState"]);
const NONE: ReadonlySet<string> = new Set();

/** What changes in a request on its way from one hop to the next. Values are JSON text. */
export type RequestChange = {
  readonly id?: string;
  readonly setParams?: ReadonlyMap<string, string>;
  readonly removeParams?: ReadonlySet<string>;
  readonly setMeta?: ReadonlyMap<string, string>;
  readonly removeMeta?: ReadonlySet<string>;
};

/** A JSON-RPC request with some members changed; every other byte stays. `params` and `_meta` appear when needed. */
export function changedRequest(message: Buffer, change: RequestChange): Buffer {
  const json = jsonTextOf(message);
  const members = membersOf(json);
  const params = memberNamed(members, "params");
  const top = new Map<string, string>();
  if (change.id !== undefined) top.set("id", change.id);
  if (!params) {
    const added = newParams(change);
    if (added !== undefined) top.set("params", added);
    return splice(message, editsOfObject(json, 0, { set: top }));
  }
  const edits = editsOfObject(json, 0, { set: top });
  return splice(message, [...edits, ...editsOfParams(json, params.start, change)]);
}

function newParams({ setParams, setMeta }: RequestChange): string | undefined {
  const entries = [...(setParams ?? [])];
  if (setMeta && setMeta.size > 0) entries.push(["_meta", objectJson([...setMeta])]);
  return entries.length === 0 ? undefined : objectJson(entries);
}

function editsOfParams(json: JsonText, start: number, change: RequestChange): Edit[] {
  const meta = memberNamed(membersOf(json, start), "_meta");
  const set = new Map(change.setParams);
  const isObject = meta !== undefined && json.bytes[meta.start] === OPEN_BRACE;
  if (!isObject && change.setMeta && change.setMeta.size > 0)
    set.set("_meta", objectJson([...change.setMeta]));
  const edits = editsOfObject(json, start, { set, remove: change.removeParams ?? NONE });
  if (!isObject) return edits;
  return [
    ...edits,
    ...editsOfObject(json, meta.start, {
      set: change.setMeta ?? new Map(),
      remove: change.removeMeta ?? NONE,
    }),
  ];
}

const OPEN_BRACE = 0x7b;

function objectJson(entries: readonly (readonly [string, string])[]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;
}

/** What a modern request says of its sender beside what it asks. Values are JSON text. */
export type Envelope = {
  readonly capabilities: string;
  readonly clientInfo: string | undefined;
  /** Undefined: no log messages are wanted. */
  readonly logLevel: string | undefined;
};

/** The members of `_meta` that make a request modern. */
export function envelopeMeta(envelope: Envelope): Map<string, string> {
  const meta = new Map([
    [VERSION_META, `"${MODERN_VERSION}"`],
    [CAPABILITIES_META, envelope.capabilities],
  ]);
  if (envelope.clientInfo !== undefined) meta.set(CLIENT_INFO_META, envelope.clientInfo);
  if (envelope.logLevel !== undefined) meta.set(LOG_LEVEL_META, JSON.stringify(envelope.logLevel));
  return meta;
}

/** Changes that take the modern era out of a request: its envelope, and the rounds the gateway keeps itself. */
export const WITHOUT_ENVELOPE = { removeMeta: ENVELOPE, removeParams: ROUNDS } as const;

/** What the agent answers in this round, by key: JSON as it stands in the bytes. None when the request has none. */
export function inputResponsesOf(message: Buffer): Map<string, string> {
  const json = jsonTextOf(message);
  const params = memberNamed(membersOf(json), "params");
  const given = params && memberNamed(membersOf(json, params.start), "inputResponses");
  if (!given || message[given.start] !== OPEN_BRACE) return new Map();
  return new Map(
    membersOf(json, given.start).map(({ key, start, end }) => [
      key,
      message.toString("utf8", start, end),
    ]),
  );
}

/** A message with another id. @param idText JSON of the id */
export function withId(message: Buffer, idText: string): Buffer {
  return changedRequest(message, { id: idText });
}

/** Methods whose results say how long they may be kept (MCP 2026-07-28 server/utilities/caching). */
const CACHEABLE: ReadonlySet<string> = new Set([
  "server/discover",
  "tools/list",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
]);

/**
 * The answer of a legacy server as a modern one: `resultType`, and on what is cacheable that it may not be kept. What
 * the server says itself stays.
 *
 * @param serverInfo JSON of the server's name and version; empty when it is not known
 */
export function modernAnswer(
  message: Buffer,
  options: { readonly idText: string; readonly method: string; readonly serverInfo: string },
): Buffer {
  const json = jsonTextOf(message);
  const members = membersOf(json);
  const edits = editsOfObject(json, 0, { set: new Map([["id", options.idText]]) });
  const result = memberNamed(members, "result");
  const error = memberNamed(members, "error");
  if (error) return splice(message, [...edits, ...modernError(json, error.start)]);
  if (!result || message[result.start] !== OPEN_BRACE) return splice(message, edits);
  const had = membersOf(json, result.start);
  const set = new Map<string, string>();
  const addMissing = (key: string, value: string): void => {
    if (!memberNamed(had, key)) set.set(key, value);
  };
  addMissing("resultType", '"complete"');
  if (CACHEABLE.has(options.method)) {
    addMissing("ttlMs", "0");
    addMissing("cacheScope", '"private"');
  }
  const meta = memberNamed(had, "_meta");
  const info = new Map<string, string>();
  if (options.serverInfo !== "") info.set(SERVER_INFO_META, options.serverInfo);
  if (!meta && info.size > 0) set.set("_meta", objectJson([...info]));
  edits.push(...editsOfObject(json, result.start, { set }));
  if (meta && message[meta.start] === OPEN_BRACE) {
    const known = membersOf(json, meta.start);
    if (!memberNamed(known, SERVER_INFO_META))
      edits.push(...editsOfObject(json, meta.start, { set: info }));
  }
  return splice(message, edits);
}

/** Resource not found was -32002 and is invalid params since 2026-07-28 (SEP-2164), which must not send the old one. */
function modernError(json: JsonText, start: number): Edit[] {
  const code = memberNamed(membersOf(json, start), "code");
  if (!code || json.text.slice(code.start, code.end) !== "-32002") return [];
  return [{ start: code.start, end: code.end, with: "-32602" }];
}
