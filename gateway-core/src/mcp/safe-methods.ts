import type { Upstream } from "../upstream/upstream.ts";

/** Methods that only read. */
const SAFE_METHODS: ReadonlySet<string> = new Set([
  "tools/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "prompts/list",
  "prompts/get",
  "server/discover",
  "ping",
]);

/** True when a request may be sent again whatever happened: it only reads, or its tool was declared idempotent. */
export function isRepeatable(
  { settings }: Pick<Upstream, "settings">,
  { method, target }: { readonly method: string; readonly target: string },
): boolean {
  return SAFE_METHODS.has(method) || (method === "tools/call" && settings.isIdempotent(target));
}
