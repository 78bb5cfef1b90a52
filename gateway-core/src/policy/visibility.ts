import type { Upstream } from "../upstream/upstream.ts";
import type { Access } from "./access.ts";
import type { ListMethod } from "./visible-lists.ts";

/**
 * Whether an entry of a server's list may be seen: what may not be called is not shown. What scopes only observe is.
 *
 * @param name of an entry: its name, URI or URI template
 */
export function isVisible(
  access: Access,
  upstream: Pick<Upstream, "name" | "known">,
  method: ListMethod,
  name: string,
): boolean {
  switch (method) {
    case "tools/list":
      return (
        upstream.known.get(name)?.isEnabled !== false &&
        access.tool(upstream.name, name) !== "refused"
      );
    case "prompts/list":
      return access.prompt(upstream.name, name) !== "refused";
    case "resources/list":
      return access.resource(upstream.name, name) !== "refused";
    case "resources/templates/list":
      return access.template(upstream.name, name) !== "refused";
  }
}
