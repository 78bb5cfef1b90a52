import { withDeadline } from "../control/deadline.ts";
import { LEGACY_VERSION, MODERN_VERSION, SERVER_INFO_META } from "../mcp/envelope.ts";
import { memberString } from "../mcp/json-members.ts";
import { resultOf, type LocalResult } from "../mcp/local-answer.ts";
import type { McpExchange } from "../mcp/mcp-exchange.ts";
import { PARAMS_MAX_BYTES } from "../mcp/session-request.ts";
import { versionFor } from "../mcp/translated-session.ts";
import { memberText } from "../mcp/json-members.ts";
import { Failure } from "@gatewayops/platform/errors";
import { GATEWAY_INFO } from "../upstream/era.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { serversFor } from "./all-servers.ts";
import { listerOf } from "./lister.ts";

/** What the aggregated server can do: all that one of its servers may be able to. */
const CAPABILITIES = JSON.stringify({
  tools: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
});
/** Milliseconds servers have to give their instructions. */
const INSTRUCTIONS_MS = 2_000;
const INSTRUCTIONS_MAX_CHARS = 16 * 1024;

/** Answers `server/discover`. */
export async function discoverAll(exchange: McpExchange): Promise<LocalResult> {
  const members = [
    '"resultType":"complete"',
    `"supportedVersions":["${MODERN_VERSION}"]`,
    `"capabilities":${CAPABILITIES}`,
    `"instructions":${JSON.stringify(await instructionsOf(exchange))}`,
    '"ttlMs":0,"cacheScope":"private"',
    `"_meta":${JSON.stringify({ [SERVER_INFO_META]: GATEWAY_INFO })}`,
  ];
  return resultOf(exchange, `{${members.join(",")}}`);
}

/** Answers `initialize`, which begins a session. */
export async function openAggregatedSession(exchange: McpExchange): Promise<LocalResult> {
  const { context, principal, message, body } = exchange;
  const initializeParams = memberText(body, "params") || "{}";
  if (Buffer.byteLength(initializeParams) > PARAMS_MAX_BYTES)
    throw new Failure(
      "REQUEST_INVALID",
      `params: of initialize may have at most ${PARAMS_MAX_BYTES} bytes.`,
    );
  const version = versionFor(message.params["protocolVersion"] ?? LEGACY_VERSION);
  const id = await context.sessions.open(principal, {
    kind: "aggregated",
    orgId: principal.orgIdText,
    keyId: principal.keyIdText,
    server: "",
    upstreamSession: "",
    version,
    initializeParams,
    logLevel: "",
    subscriptions: [],
    bridgeReplica: "",
  });
  const members = [
    `"protocolVersion":"${version}"`,
    `"capabilities":${CAPABILITIES}`,
    `"serverInfo":${JSON.stringify(GATEWAY_INFO)}`,
    `"instructions":${JSON.stringify(await instructionsOf(exchange))}`,
  ];
  return { ...resultOf(exchange, `{${members.join(",")}}`), headers: ["mcp-session-id", id] };
}

/** What the servers want agents to know, each under its name. A server that is slow to say it is left out. */
async function instructionsOf(exchange: McpExchange): Promise<string> {
  const { principal, pipeline } = exchange;
  const servers = serversFor(principal, await pipeline.directory.servers(principal.orgIdText));
  const said = await Promise.all(
    servers.map(async (upstream) => {
      try {
        const own = await withDeadline(ask(exchange, upstream), INSTRUCTIONS_MS, upstream.name);
        return own === undefined || own === "" ? [] : [`# ${upstream.name}\n\n${own}`];
      } catch (error) {
        pipeline.log.debug(
          { err: error, mcp_server: upstream.name },
          "a server did not give its instructions",
        );
        return [];
      }
    }),
  );
  const names = servers.map(({ name }) => name).join(", ");
  const intro =
    servers.length === 0
      ? "This key may use no MCP server."
      : `Tools and prompts of several servers (${names}), each named after its server: "server__tool".`;
  return [intro, ...said.flat()].join("\n\n").slice(0, INSTRUCTIONS_MAX_CHARS);
}

async function ask(exchange: McpExchange, upstream: Upstream): Promise<string | undefined> {
  const { calls } = exchange.context;
  const lister = listerOf(exchange);
  const era = await calls.eraOf(upstream);
  if (era === "legacy") {
    const wish = { ...lister, upstream, onMessage: () => undefined };
    const held = await calls.sessions.hold(
      { ...wish, capabilities: "{}" },
      AbortSignal.timeout(INSTRUCTIONS_MS),
    );
    held.release();
    const { instructions } = held.session.hello;
    return instructions === "" ? undefined : (JSON.parse(instructions) as string);
  }
  const method = "server/discover";
  const message = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 0, method }));
  const answer = await calls.ask(
    era,
    { ...lister, upstream, method, message, target: "", isSafe: true },
    AbortSignal.timeout(INSTRUCTIONS_MS),
  );
  return memberString(Buffer.from(answer.resultText || "{}"), "instructions");
}
