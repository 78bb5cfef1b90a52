import type { IncomingHttpHeaders } from "node:http";
import type { Failure } from "@gatewayops/platform/errors";

/** A way to one MCP server that carries JSON-RPC messages both ways, one at a time. */
export type MessageChannel = {
  /**
   * Sends one message; those given before the channel is open wait for it.
   *
   * @param headers of the request that brought the message. A transport without headers passes over them.
   * @returns settles when the server took the message; rejects with a Failure when it did not
   */
  send(message: Buffer, headers: IncomingHttpHeaders): Promise<void>;
  /** Ends the channel; `onClosed` follows. */
  close(): void;
};

export type ChannelEvents = {
  onMessage(message: Buffer): void;
  /** Once, and the last event: also when the channel could never be opened. */
  onClosed(failure: Failure): void;
};

/** Begins to open a channel, and returns before it is open. */
export type OpenChannel = (events: ChannelEvents) => MessageChannel;

/** Bytes of one message from a server. */
export const MESSAGE_MAX_BYTES = 32 * 1024 * 1024;
