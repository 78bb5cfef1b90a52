/** Methods that may be sent again whatever happened: they only read. */
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

export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.has(method);
}
