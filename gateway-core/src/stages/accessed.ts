import type { McpMessage } from "../mcp/message.ts";

/** A thing of a server that a message wants something of. Resource templates stand for all their resources. */
export type Accessed = {
  readonly kind: "tool" | "resource" | "template" | "prompt";
  readonly name: string;
};

/** The things a message is about. Lists are about none: what they may show is decided entry by entry. */
export function accessedBy({ method, target, params }: McpMessage): readonly Accessed[] {
  switch (method) {
    case "tools/call":
      return [{ kind: "tool", name: target }];
    case "prompts/get":
      return [{ kind: "prompt", name: target }];
    case "resources/read":
      return [{ kind: "resource", name: target }];
    case "resources/subscribe":
      return [{ kind: "resource", name: textOf(params["uri"]) }];
    case "completion/complete":
      return completed(params["ref"]);
    case "subscriptions/listen":
      return listened(params["notifications"]);
    default:
      return NOTHING;
  }
}

const NOTHING: readonly Accessed[] = [];

/** Completions are of a prompt's arguments, or of a resource template's (MCP 2026-07-28 server/utilities/completion). */
function completed(ref: unknown): readonly Accessed[] {
  const { type, name, uri } = objectOf(ref);
  return type === "ref/resource"
    ? [{ kind: "template", name: textOf(uri) }]
    : [{ kind: "prompt", name: textOf(name) }];
}

/** Resources that a modern agent subscribes to (MCP 2026-07-28 basic/patterns/subscriptions). */
function listened(notifications: unknown): readonly Accessed[] {
  const { resourceSubscriptions } = objectOf(notifications);
  if (!Array.isArray(resourceSubscriptions)) return NOTHING;
  return resourceSubscriptions.map((uri) => ({ kind: "resource", name: textOf(uri) }));
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

// What is no text names nothing that scopes could allow by name; the server says what is wrong with it.
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
