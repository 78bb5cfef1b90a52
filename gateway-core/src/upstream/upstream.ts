import { toolIdOf } from "@gatewayops/platform/ids";
import type { UpstreamBreaker } from "./breaker.ts";
import type { Bulkhead } from "./bulkhead.ts";
import type { KnownTools } from "./known-tools.ts";
import type { Link } from "./link.ts";
import type { ListedTools } from "./listed-tools.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

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
  /** What svc-auth knows of its tools. */
  readonly known: KnownTools;
  /** Its tools as it listed them last. */
  readonly listed: ListedTools;
};

/** The ids of a server's tools by name, worked out once per name. */
export class ToolIds {
  readonly #serverId: Buffer;
  readonly #ids = new Map<string, Buffer>();
  readonly #listed: Set<string>;

  /** @param listed names that the registry knows already */
  constructor(serverId: Buffer, listed: Iterable<string>) {
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

  /** The names that the server lists, as far as is known. */
  names(): Iterable<string> {
    return this.#listed;
  }

  /** True when the server lists a tool of this name, as far as is known. */
  isListed(tool: string): boolean {
    return this.#listed.has(tool);
  }

  /** Counts names that a server listed as listed from now on. */
  learn(names: Iterable<string>): void {
    for (const name of names) {
      if (this.#listed.size >= TOOLS_MAX) return;
      this.#listed.add(name);
    }
  }
}
