import type { Failure } from "@gatewayops/platform/errors";
import type { ServerMessage } from "./server-message.ts";
import type { Upstream } from "./upstream.ts";

/** One request of an agent, to be made of a server of whichever era. */
export type CallRequest = {
  readonly upstream: Upstream;
  readonly method: string;
  /** The JSON-RPC request as the agent wrote it, or as a face made it; its id is replaced. */
  readonly message: Buffer;
  /** What `Mcp-Name` says; empty when the method names nothing. */
  readonly target: string;
  /** True when sending it twice does no harm. */
  readonly isSafe: boolean;
  /** Whose sessions are used: they are never shared between owners. */
  readonly owner: string;
  /** JSON of what the agent can do. */
  readonly capabilities: string;
  /** JSON of who the agent says it is; undefined when it does not. */
  readonly clientInfo: string | undefined;
  /** Least severe log messages the agent wants; undefined for none. */
  readonly logLevel: string | undefined;
  /** `traceparent` for the server; empty for none. */
  readonly traceparent: string;
};

/** Who is told what comes of a call. Exactly one of `onAnswer` and `onFailure` ends it. */
export type CallListener = {
  /** The request goes out. */
  onAttempt(): void;
  /** A notification that belongs to the call. While the promise is pending the server is not read. */
  onNotification(message: ServerMessage): void | Promise<void>;
  /** The server wants something of the agent, to be answered by `respond`. Of the legacy era alone. */
  onRequest(message: ServerMessage): void;
  onAnswer(message: ServerMessage, status: number): void;
  onFailure(failure: Failure): void;
};

/** A call under way. */
export type ServerCall = {
  readonly upstream: Upstream;
  /** Who is told from now on: a call that waits for an answer goes on for another request of the agent. */
  listener: CallListener;
  /** The server's name and version as it says them, in JSON; empty when it is not known. */
  readonly serverInfo: string;
  /** Begins. */
  start(): void;
  /**
   * Answers a request of the server.
   *
   * @param idText JSON of the request's id
   * @param outcome `"result":…` or `"error":…`
   */
  respond(idText: string, outcome: string): void;
  /** Goes on for another request of the agent, whose progress token counts from now on. */
  continueFor(message: Buffer): void;
  /** Gives the call up and tells the server. The listener hears nothing more. */
  cancel(reason: string): void;
};
