import { admitted } from "../upstream/admission.ts";
import { editsOfObject, splice } from "./json-splice.ts";
import { jsonTextOf } from "./json-members.ts";
import { MODERN_VERSION, SERVER_INFO_META } from "./envelope.ts";
import { resultOf, type LocalResult } from "./local-answer.ts";
import type { McpExchange } from "./mcp-exchange.ts";

/** Capabilities that a modern client cannot use through the gateway: the legacy era's own tasks are another API. */
const NOT_CARRIED: ReadonlySet<string> = new Set(["tasks"]);

/** Answers `server/discover` for a legacy server, with what it says at the beginning of a session. */
export async function discoverLegacy(exchange: McpExchange): Promise<LocalResult> {
  const { context, upstream, principal } = exchange;
  const wish = {
    upstream,
    owner: principal.keyIdText,
    capabilities: "{}",
    clientInfo: undefined,
    logLevel: undefined,
    onMessage: () => undefined,
  };
  const held = await admitted(upstream, () =>
    context.calls.sessions.hold(wish, AbortSignal.timeout(upstream.timeoutMs)),
  );
  held.release();
  const { capabilities, serverInfo, instructions } = held.session.hello;
  const members = [
    '"resultType":"complete"',
    `"supportedVersions":["${MODERN_VERSION}"]`,
    `"capabilities":${withoutMembers(capabilities === "" ? "{}" : capabilities, NOT_CARRIED)}`,
    ...(instructions === "" ? [] : [`"instructions":${instructions}`]),
    '"ttlMs":0,"cacheScope":"private"',
    ...(serverInfo === "" ? [] : [`"_meta":{"${SERVER_INFO_META}":${serverInfo}}`]),
  ];
  return resultOf(exchange, `{${members.join(",")}}`);
}

/** A JSON object without some of its members; all other bytes stay. */
export function withoutMembers(objectJson: string, names: ReadonlySet<string>): string {
  if (!objectJson.startsWith("{")) return objectJson;
  const bytes = Buffer.from(objectJson);
  return splice(bytes, editsOfObject(jsonTextOf(bytes), 0, { remove: names })).toString("utf8");
}
