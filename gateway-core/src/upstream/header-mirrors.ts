import type { Logger } from "@gatewayops/platform/log";
import { changedRequest, envelopeMeta, MODERN_VERSION } from "../mcp/envelope.ts";
import { objectFrom } from "../mcp/json-object.ts";
import { GATEWAY_INFO } from "./era.ts";
import { exchangeOnce } from "./exchange-once.ts";
import type { HeaderMirror } from "./link.ts";
import { PAGES_MAX, TOOLS_MAX, toolsOf } from "./list-tools.ts";
import { mirrorsOf } from "./mcp-headers.ts";
import type { Upstream } from "./upstream.ts";

/** Which arguments of which tools headers must repeat, for calls whose headers the gateway makes. */
export type HeaderMirrors = {
  /** Those of a tool; none when the server does not list it. The tools are listed at the first call. */
  of(upstream: Upstream, tool: string, signal: AbortSignal): Promise<readonly HeaderMirror[]>;
  /** Lists the tools again. @throws Failure */
  learn(upstream: Upstream, signal: AbortSignal): Promise<void>;
};

const ENVELOPE = {
  capabilities: "{}",
  clientInfo: JSON.stringify(GATEWAY_INFO),
  logLevel: undefined,
};

export function createHeaderMirrors(log: Logger): HeaderMirrors {
  return {
    async of(upstream, tool, signal) {
      if (!upstream.link.mirrors) await learn(upstream, signal);
      return upstream.link.mirrors?.get(tool) ?? [];
    },
    learn,
  };

  async function learn(upstream: Upstream, signal: AbortSignal): Promise<void> {
    const mirrors = new Map<string, readonly HeaderMirror[]>();
    let cursor: string | undefined;
    let listed = 0;
    for (let page = 0; page < PAGES_MAX; page++) {
      const resultText = await list(upstream, cursor, signal);
      for (const tool of toolsOf(Buffer.from(resultText || "{}"))) {
        if (++listed > TOOLS_MAX) break;
        const schema: unknown = tool.inputSchema && JSON.parse(tool.inputSchema.toString("utf8"));
        const found = mirrorsOf(schema);
        if (!found)
          log.warn(
            { mcp_server: upstream.name, mcp_tool: tool.name },
            "a tool is left out: its x-mcp-header marks break the rules",
          );
        else if (found.length > 0) mirrors.set(tool.name, found);
      }
      const { nextCursor } = objectFrom(resultText);
      if (typeof nextCursor !== "string" || listed >= TOOLS_MAX) break;
      cursor = nextCursor;
    }
    upstream.link.mirrors = mirrors;
  }
}

async function list(
  upstream: Upstream,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const params = cursor === undefined ? "{}" : JSON.stringify({ cursor });
  const request = `{"jsonrpc":"2.0","id":"list","method":"tools/list","params":${params}}`;
  const { answer } = await exchangeOnce(upstream, {
    body: changedRequest(Buffer.from(request), { setMeta: envelopeMeta(ENVELOPE) }),
    headers: ["mcp-protocol-version", MODERN_VERSION, "mcp-method", "tools/list"],
    signal,
    timeoutMs: upstream.timeoutMs,
  });
  return answer?.resultText ?? "";
}
