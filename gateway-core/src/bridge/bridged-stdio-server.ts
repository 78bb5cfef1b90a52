import type { ServerResponse } from "node:http";
import { Failure } from "@gatewayops/platform/errors";
import { MessageError } from "../mcp/message.ts";
import type { OpenChannel } from "./channel.ts";
import { EraMemory } from "./era-memory.ts";
import { probeEra } from "./era-probe.ts";
import { ModernServer } from "./modern-server.ts";
import { ChannelSession, type SentMessage, type Session, type SessionStart } from "./session.ts";
import { StatelessServer } from "./stateless-server.ts";
import { StdioProcess, type StdioProcessOptions } from "./stdio-process.ts";
import { CHANNELS_MAX, type BridgedServer } from "./bridged-server.ts";

/** Sessions that share the processes of a stateless server. */
const STATELESS_SESSIONS_MAX = 10_000;

export type BridgedStdioServerOptions = StdioProcessOptions & { readonly now: () => number };

/**
 * A stdio server of the operator. Legacy sessions have a process each, or one for each organisation where the server is
 * declared stateless; modern requests share one for each organisation.
 */
export class BridgedStdioServer implements BridgedServer {
  readonly key: string;
  readonly sessionsMax: number;
  readonly #options: BridgedStdioServerOptions;
  readonly #open: OpenChannel;
  readonly #stateless = new Map<string, StatelessServer>();
  readonly #modern = new Map<string, ModernServer>();
  readonly #eras: EraMemory;

  constructor(options: BridgedStdioServerOptions) {
    this.key = `stdio:${options.server.name}`;
    this.sessionsMax = options.server.stateless ? STATELESS_SESSIONS_MAX : CHANNELS_MAX;
    this.#options = options;
    this.#open = (events) => new StdioProcess(options, events);
    this.#eras = new EraMemory(() => probeEra(this.#open), options.now);
  }

  openSession(start: SessionStart, org: string): Session {
    if (!this.#options.server.stateless) return new ChannelSession(start, this.#open);
    const shared = this.#sharedBy(this.#stateless, org, () => {
      const server = new StatelessServer(this.#open, () => {
        if (this.#stateless.get(org) === server) this.#stateless.delete(org);
      });
      return server;
    });
    return shared.openSession(start);
  }

  async answerModern(org: string, sent: SentMessage, response: ServerResponse): Promise<void> {
    if ((await this.#eras.era()) === "legacy")
      throw new MessageError(
        -32600,
        `The stdio server ${this.#options.server.name} speaks MCP with sessions. Send \`initialize\`.`,
      );
    const now = this.#options.now();
    const server = this.#sharedBy(this.#modern, org, () => new ModernServer(this.#open, now));
    server.usedAt = now;
    server.send(sent, response);
  }

  /** Ends shared processes that nobody used since. */
  endIdle(oldest: number): void {
    for (const [org, server] of this.#modern)
      if (!server.isIdle) server.usedAt = this.#options.now();
      else if (server.usedAt < oldest) {
        this.#modern.delete(org);
        server.close();
      }
  }

  close(): void {
    for (const server of [...this.#modern.values(), ...this.#stateless.values()]) server.close();
  }

  #sharedBy<T>(servers: Map<string, T>, org: string, create: () => T): T {
    const known = servers.get(org);
    if (known) return known;
    if (servers.size >= CHANNELS_MAX)
      throw new Failure(
        "OVERLOADED",
        `${CHANNELS_MAX} processes of ${this.#options.server.name} run already.`,
      );
    const fresh = create();
    servers.set(org, fresh);
    return fresh;
  }
}
