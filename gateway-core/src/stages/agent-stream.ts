import type { IncomingHttpHeaders } from "node:http";
import type { Writable } from "node:stream";

/** What every face's request says beside its message. */
export type AgentRequest = {
  readonly headers: IncomingHttpHeaders;
  /** The connection, which remembers its key. */
  readonly socket: object;
};

/** Where an answer goes: an HTTP response, or what stands for one. Closed before it has finished: the agent is gone. */
export type AnswerStream = Writable & {
  /** @param headers flat: name, value, name, value */
  writeHead(status: number, headers: string[]): unknown;
};
