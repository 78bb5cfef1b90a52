import type { Upstream } from "./upstream.ts";

/** Sees to it that the names behind tool ids are known: records hold ids only. */
export type ToolCatalog = {
  /** Says that a tool was called. When it is not among those known of the server, the server is asked for its list. */
  noticed(upstream: Upstream, tool: string): void;
};

export type ToolCatalogOptions = {
  /** Lists the names of a server's tools, as the gateway's own client. */
  readonly list: (upstream: Upstream) => Promise<string[]>;
  /** Tells svc-auth the names. */
  readonly register: (upstream: Upstream, names: readonly string[]) => Promise<void>;
  readonly now: () => number;
  readonly onFailure: (upstream: Upstream, error: unknown) => void;
};

/** Milliseconds between two lists of one server: made-up tool names must not make us ask at every call. */
const LIST_EVERY_MS = 10_000;

export function createToolCatalog(options: ToolCatalogOptions): ToolCatalog {
  const nextListAt = new Map<string, number>();
  return {
    noticed(upstream, tool) {
      if (upstream.tools.isListed(tool)) return;
      const now = options.now();
      if ((nextListAt.get(upstream.idText) ?? 0) > now) return;
      nextListAt.set(upstream.idText, now + LIST_EVERY_MS);
      learn(upstream).catch((error: unknown) => {
        options.onFailure(upstream, error);
      });
    },
  };

  async function learn(upstream: Upstream): Promise<void> {
    const names = await options.list(upstream);
    const fresh = upstream.tools.learn(names);
    if (fresh.length > 0) await options.register(upstream, fresh);
  }
}
