import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { Failure } from "@gatewayops/platform/errors";
import type { Logger } from "@gatewayops/platform/log";
import { MESSAGE_MAX_BYTES, type ChannelEvents, type MessageChannel } from "./channel.ts";
import { LineSplitter } from "./line-splitter.ts";
import { oneLine } from "../mcp/one-line.ts";

/** A stdio server as the operator declares it. */
export type StdioServer = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to a minimal environment: PATH, HOME, LANG. The gateway's own secrets are never passed on. */
  readonly env: Readonly<Record<string, string>>;
  /** True when one process may serve all sessions of an organisation: nothing is kept between requests. */
  readonly stateless: boolean;
};

export type StdioProcessOptions = {
  readonly server: StdioServer;
  /** Environment every server gets, before its own. */
  readonly env: Readonly<Record<string, string>>;
  readonly log: Logger;
};

/** Milliseconds between the steps of the shutdown ladder: close stdin, SIGTERM, SIGKILL. */
const LADDER_MS = 2_000;
/** Milliseconds for the output of an ended process to arrive. A child of its own may hold the pipe open. */
const LAST_OUTPUT_MS = 1_000;
/** Bytes that wait for a process that does not read. */
const UNREAD_MAX_BYTES = MESSAGE_MAX_BYTES;
const STDERR_TAIL_BYTES = 4_096;
const STDERR_TAIL_LINES = 20;

/** Runs a stdio server; messages are lines (MCP transports §stdio). */
export class StdioProcess implements MessageChannel {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #server: StdioServer;
  readonly #log: Logger;
  readonly #events: ChannelEvents;
  #stderrTail = Buffer.alloc(0);
  #isClosing = false;
  #isOver = false;

  constructor(options: StdioProcessOptions, events: ChannelEvents) {
    const { server, env, log } = options;
    this.#server = server;
    this.#log = log;
    this.#events = events;
    this.#process = spawn(server.command, server.args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...env, ...server.env },
    });
    // First: without file descriptors there is an error, and no streams.
    this.#process.on("error", (error) => {
      if (this.#process.pid !== undefined) return; // a signal that found no process
      log.error({ server: server.name, err: error }, "a stdio server could not be started");
      this.#over(new Failure("UPSTREAM_UNREACHABLE", "The stdio server could not be started."));
    });
    if (this.#process.pid === undefined) return;
    const lines = new LineSplitter(MESSAGE_MAX_BYTES);
    this.#process.stdout.on("data", (chunk: Buffer) => {
      this.#onOutput(lines.push(chunk));
    });
    this.#process.stderr.on("data", (chunk: Buffer) => {
      this.#stderrTail = Buffer.concat([this.#stderrTail, chunk]).subarray(-STDERR_TAIL_BYTES);
    });
    // A server that is gone makes writes fail; its exit ends the channel.
    this.#process.stdin.on("error", () => undefined);
    // What the server wrote before it ended may still be in the pipe: "close" comes after it.
    this.#process.on("exit", (code, signal) => {
      const timer = setTimeout(() => {
        this.#onExit(code, signal);
      }, LAST_OUTPUT_MS);
      this.#process.on("close", () => {
        clearTimeout(timer);
        this.#onExit(code, signal);
      });
    });
  }

  send(message: Buffer): Promise<void> {
    const { stdin, pid } = this.#process;
    // Never started: the channel's end, which is about to be told, fails what waits.
    if (pid === undefined) return Promise.resolve();
    if (stdin.writableLength > UNREAD_MAX_BYTES)
      return Promise.reject(
        new Failure("OVERLOADED", `The stdio server ${this.#server.name} does not read. Wait.`),
      );
    stdin.write(oneLine(message));
    stdin.write("\n");
    return Promise.resolve();
  }

  /** Closes the server's input, then SIGTERM, then SIGKILL (MCP transports §stdio, Shutdown). */
  close(): void {
    if (this.#isClosing || this.#isOver || this.#process.pid === undefined) return;
    this.#isClosing = true;
    this.#process.stdin.end();
    const term = setTimeout(() => this.#process.kill("SIGTERM"), LADDER_MS);
    const kill = setTimeout(() => this.#process.kill("SIGKILL"), 2 * LADDER_MS);
    this.#process.on("exit", () => {
      clearTimeout(term);
      clearTimeout(kill);
    });
  }

  #onOutput(messages: Buffer[] | undefined): void {
    if (messages) {
      for (const message of messages) this.#events.onMessage(message);
      return;
    }
    this.#log.warn(
      { server: this.#server.name },
      "a stdio server sent a message above the limit; it is stopped",
    );
    this.#process.stdout.removeAllListeners("data").resume();
    this.close();
  }

  #onExit(code: number | null, signal: string | null): void {
    if (this.#isOver) return;
    const stderr = this.#stderrTail.toString("utf8").trimEnd().split("\n");
    const about = { server: this.#server.name, code, signal };
    if (this.#isClosing) this.#log.debug(about, "stdio server ended");
    else
      this.#log.warn(
        { ...about, stderr: stderr.slice(-STDERR_TAIL_LINES) },
        "a stdio server ended by itself; this is the last it wrote to stderr",
      );
    this.#over(new Failure("UPSTREAM_CLOSED", "The stdio server ended before it had answered."));
  }

  #over(failure: Failure): void {
    this.#isOver = true;
    this.#events.onClosed(failure);
  }
}
