import { toolIdOf } from "@gatewayops/platform/ids";
import type { UpstreamBreaker } from "./breaker.ts";
import type { Bulkhead } from "./bulkhead.ts";
import type { Link } from "./link.ts";

/** Tool names remembered of one server beyond those it lists, so that a flood of made-up names costs no memory. */
const TOOLS_MAX = 10_000;

/** An MCP server as the hot path needs it. */
export type Upstream = {
  readonly id: Buffer;
  readonly idText: string;
  readonly orgIdText: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly timeoutMs: number;
  /** Most bytes of one message from it. */
  readonly messageMaxBytes: number;
  readonly link: Link;
  readonly breaker: UpstreamBreaker;
  readonly bulkhead: Bulkhead;
  readonly tools: ToolIds;
  readonly settings: UpstreamSettings;
};

/** What an admin said of a server. */
export type UpstreamSettings = {
  /** True when a call of the tool may be repeated. */
  isIdempotent(tool: string): boolean;
};

/** The ids of a server's tools by name, worked out once per name. */
export class ToolIds {
  readonly #serverId: Buffer;
  readonly #ids = new Map<string, Buffer>();
  readonly #listed: Set<string>;

  /** @param listed names that the registry knows already */
  constructor(serverId: Buffer, listed: readonly string[]) {
    this.#serverId = serverId;
    this.#listed = new Set(listed);
  }

  /** The id of a tool, 8 bytes, little-endian. */
  idOf(tool: string): Buffer {
    const known = this.#ids.get(tool);
    if (known) return known;
    const id = Buffer.alloc(8);
    id.writeBigUInt64LE(toolIdOf(this.#serverId, tool));
    if (this.#ids.size < TOOLS_MAX) this.#ids.set(tool, id);
    return id;
  }

  /** True when the server lists a tool of this name, as far as is known. */
  isListed(tool: string): boolean {
    return this.#listed.has(tool);
  }

  /** Of names a server listed, those the registry does not know yet. They count as known from now on. */
  learn(names: readonly string[]): string[] {
    const fresh = names.filter((name) => !this.#listed.has(name)).slice(0, TOOLS_MAX);
    for (const name of fresh) this.#listed.add(name);
    return fresh;
  }
}
