/** The tools in the result of `tools/list`; what has no name is none. */
export function toolsOf(
  result: Readonly<Record<string, unknown>>,
): { readonly name: string; readonly inputSchema?: unknown }[] {
  const { tools } = result;
  return Array.isArray(tools) ? tools.filter(isTool) : [];
}

function isTool(value: unknown): value is { name: string } {
  return (
    typeof value === "object" && value !== null && "name" in value && typeof value.name === "string"
  );
}
