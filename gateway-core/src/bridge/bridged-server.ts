import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { SentMessage, Session, SessionStart } from "./session.ts";

/** A server that the bridge reaches. */
export type BridgedServer = {
  /** Sessions are bound to it. */
  readonly key: string;
  readonly sessionsMax: number;
  /** Opens a session for an organisation. `initialize` is sent to it next. */
  openSession(start: SessionStart, org: string, headers: IncomingHttpHeaders): Session;
  /**
   * Answers a message of the modern era.
   *
   * @throws MessageError -32600 when the server speaks the legacy era only
   */
  answerModern(org: string, sent: SentMessage, response: ServerResponse): Promise<void>;
};

/** Processes of one stdio server, or connections to one URL. */
export const CHANNELS_MAX = 200;
