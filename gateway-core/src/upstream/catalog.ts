import type { ListedTool } from "./listed-tools.ts";
import type { Upstream } from "./upstream.ts";

/**
 * Sees to it that tools are known: their names, since records hold ids only, and their definitions, so that a changed one
 * is noticed and arguments can be checked.
 */
export type ToolCatalog = {
  /** Says that a tool is called. The server is asked for its list when that is old, or has no such tool. */
  noticed(upstream: Upstream, tool: string): void;
  /** Says that the server's list has changed. */
  changed(upstream: Upstream): void;
};

export type ToolCatalogOptions = {
  /** Lists a server's tools, as the gateway's own client. */
  readonly list: (upstream: Upstream) => Promise<ListedTool[]>;
  /** Tells svc-auth the tools, at most 2 MiB of definitions at once. Of known definitions the bytes are empty. */
  readonly register: (upstream: Upstream, tools: readonly ToolReport[]) => Promise<void>;
  readonly now: () => number;
  readonly onFailure: (upstream: Upstream, error: unknown) => void;
};

export type ToolReport = Pick<ListedTool, "name" | "hash" | "definition">;

/** Milliseconds after which a server's list is old. */
const LIST_EVERY_MS = 5 * 60_000;
/** Milliseconds between two lists of one server: made-up tool names must not make us ask at every call. */
const LIST_PAUSE_MS = 10_000;
/** Bytes of a definition that is told; of a longer one the hash is. */
const DEFINITION_MAX_BYTES = 256 * 1024;
const REPORT_MAX_BYTES = 2 * 1024 * 1024;
const REPORT_MAX_TOOLS = 1_000;

export function createToolCatalog(options: ToolCatalogOptions): ToolCatalog {
  const listings = new Map<string, { listedAt: number; isOld: boolean }>();
  return {
    noticed(upstream, tool) {
      const listing = listings.get(upstream.idText);
      const isOld = listing?.isOld === true || !upstream.tools.isListed(tool);
      listUnlessListed(upstream, isOld ? LIST_PAUSE_MS : LIST_EVERY_MS);
    },
    changed(upstream) {
      const listing = listings.get(upstream.idText);
      // Should it be too soon to ask again, the next call does.
      if (listing) listing.isOld = true;
      listUnlessListed(upstream, LIST_PAUSE_MS);
    },
  };

  function listUnlessListed(upstream: Upstream, withinMs: number): void {
    const listing = listings.get(upstream.idText);
    const now = options.now();
    if (listing && now - listing.listedAt < withinMs) return;
    listings.set(upstream.idText, { listedAt: now, isOld: false });
    learn(upstream).catch((error: unknown) => {
      options.onFailure(upstream, error);
    });
  }

  async function learn(upstream: Upstream): Promise<void> {
    const tools = await options.list(upstream);
    upstream.tools.learn(tools.map(({ name }) => name));
    upstream.listed.replace(tools);
    for (const reports of reportsOf(upstream, tools)) await options.register(upstream, reports);
  }
}

function reportsOf(upstream: Upstream, tools: readonly ListedTool[]): ToolReport[][] {
  const reports: ToolReport[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const { name, hash, definition } of tools) {
    const isKnown = upstream.known.get(name)?.hash === hash;
    const told = isKnown || definition.length > DEFINITION_MAX_BYTES ? EMPTY : definition;
    bytes += told.length;
    if (bytes > REPORT_MAX_BYTES || (reports.at(-1)?.length ?? 0) >= REPORT_MAX_TOOLS) {
      reports.push([]);
      bytes = told.length;
    }
    reports.at(-1)?.push({ name, hash, definition: told });
  }
  return reports;
}

const EMPTY = Buffer.alloc(0);
