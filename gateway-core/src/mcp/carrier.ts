import type { Ending } from "../stages/ending.ts";

/** What takes a message to an MCP server and its answer back to the agent. One for each exchange. */
export type Carrier = {
  /** Begins. How it ends goes to the exchange's `end` or `fail`. */
  start(): void;
  /** Writes the answer, which now is recorded. Not called for failures. */
  answer(ending: Ending): void;
  /** Writes a failure after the head of an answer was sent. False: the connection must be cut. */
  answerFailure(body: string): boolean;
  /** The agent closed its connection. */
  clientGone(): void;
};
