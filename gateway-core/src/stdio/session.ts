import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { ServerResponse } from "node:http";
import type { Readable, Writable } from "node:stream";
import type { Logger } from "@gatewayops/platform/log";
import { LineSplitter } from "./line-splitter.ts";

/** A stdio server as the operator declares it. */
export type StdioServer = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to a minimal environment: PATH, HOME, LANG. The gateway's own secrets are never passed on. */
  readonly env: Readonly<Record<string, string>>;
};

type Parsed = {
  id?: unknown;
  method?: unknown;
  params?: { progressToken?: unknown; _meta?: unknown };
};

/** An HTTP request of the session that waits for its answer. */
type Waiting = {
  readonly response: ServerResponse;
  /** JSON of its progress token; undefined when it asked for none. */
  readonly progressToken: string | undefined;
};

/** Bytes of one message from a server. */
const MESSAGE_MAX_BYTES = 32 * 1024 * 1024;
/** Milliseconds between the steps of the shutdown ladder: close stdin, SIGTERM, SIGKILL. */
const LADDER_MS = 2_000;

/**
 * One stdio server process that serves one session, spoken to over Streamable HTTP of the legacy era. Messages pass as
 * they are, but for line breaks between tokens, which would end a message on stdio (MCP transports §stdio).
 */
export class StdioSession {
  readonly id: string;
  readonly org: string;
  usedAt: number;
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting = new Map<string, Waiting>();
  #stream: ServerResponse | undefined;
  #isClosed = false;

  constructor(options: {
    id: string;
    org: string;
    server: StdioServer;
    /** Environment every server gets, before its own. */
    env: Readonly<Record<string, string>>;
    now: number;
    log: Logger;
    onExit: (session: StdioSession) => void;
  }) {
    this.id = options.id;
    this.org = options.org;
    this.usedAt = options.now;
    const { server, log } = options;
    this.#process = spawn(server.command, server.args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...options.env, ...server.env },
    });
    const lines = new LineSplitter(MESSAGE_MAX_BYTES);
    this.#process.stdout.on("data", (chunk: Buffer) => {
      const messages = lines.push(chunk);
      if (messages === undefined) {
        log.warn(
          { server: server.name },
          "a stdio server sent a message above the limit; it is stopped",
        );
        this.close();
        return;
      }
      for (const message of messages) this.#onMessage(message);
    });
    this.#process.stderr.on("data", (chunk: Buffer) => {
      log.debug(
        { server: server.name, stderr: chunk.toString("utf8").slice(0, 2_000) },
        "stdio server says",
      );
    });
    // A server that is gone makes writes fail; its exit ends the session.
    this.#process.stdin.on("error", () => undefined);
    this.#process.on("error", (error) => {
      log.error({ server: server.name, err: error }, "a stdio server could not be started");
      this.#onExit(options.onExit);
    });
    this.#process.on("exit", (code, signal) => {
      log.debug({ server: server.name, code, signal }, "stdio server ended");
      this.#onExit(options.onExit);
    });
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0 && this.#stream === undefined;
  }

  /** Sends a message; a request is answered on `response`, everything else with 202 at once. */
  send(message: Buffer, response: ServerResponse, now: number): void {
    this.usedAt = now;
    const parsed = JSON.parse(message.toString("utf8")) as Parsed;
    if (parsed.id !== undefined && parsed.method !== undefined) {
      const key = JSON.stringify(parsed.id);
      if (this.#waiting.has(key)) {
        sendRpcError(
          response,
          400,
          key,
          -32600,
          "A request with this id is still running in this session.",
        );
        return;
      }
      const meta = parsed.params?._meta as { progressToken?: unknown } | undefined;
      const token = meta?.progressToken;
      this.#waiting.set(key, {
        response,
        progressToken: token === undefined ? undefined : JSON.stringify(token),
      });
      response.on("close", () => {
        if (!response.writableFinished) this.#waiting.delete(key);
      });
    } else {
      response.writeHead(202, { "content-length": "0" }).end();
    }
    this.#process.stdin.write(withoutLineBreaks(message));
    this.#process.stdin.write("\n");
  }

  /** Opens the server's own stream: messages that belong to no running request. One at a time. */
  openStream(response: ServerResponse): boolean {
    if (this.#stream) return false;
    this.#stream = response;
    beginEvents(response, this.id);
    response.on("close", () => {
      this.#stream = undefined;
    });
    return true;
  }

  /** Ends the process: closes its input, then SIGTERM, then SIGKILL (MCP transports §stdio, Shutdown). */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#process.stdin.end();
    const term = setTimeout(() => this.#process.kill("SIGTERM"), LADDER_MS);
    const kill = setTimeout(() => this.#process.kill("SIGKILL"), 2 * LADDER_MS);
    this.#process.on("exit", () => {
      clearTimeout(term);
      clearTimeout(kill);
    });
  }

  #onMessage(message: Buffer): void {
    let parsed: Parsed;
    try {
      parsed = JSON.parse(message.toString("utf8")) as Parsed;
    } catch {
      return; // Not MCP: servers that print to stdout by mistake are common, and the text is nobody's.
    }
    if (parsed.method === undefined && parsed.id !== undefined) {
      this.#answer(JSON.stringify(parsed.id), message);
      return;
    }
    const target = this.#targetOf(parsed);
    if (!target) return;
    beginEvents(target, this.id);
    target.write(eventOf(message));
  }

  #answer(key: string, message: Buffer): void {
    const waiting = this.#waiting.get(key);
    if (!waiting) return;
    this.#waiting.delete(key);
    const { response } = waiting;
    if (response.headersSent) {
      response.end(eventOf(message));
      return;
    }
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": String(message.length),
      "mcp-session-id": this.id,
    });
    response.end(message);
  }

  /** Progress goes to its own request; other messages to the server's stream, else to the oldest running request. */
  #targetOf(parsed: Parsed): ServerResponse | undefined {
    if (parsed.method === "notifications/progress") {
      const token = JSON.stringify(parsed.params?.progressToken);
      for (const waiting of this.#waiting.values())
        if (waiting.progressToken === token) return waiting.response;
    }
    if (this.#stream) return this.#stream;
    const [oldest] = this.#waiting.values();
    return oldest?.response;
  }

  #onExit(tell: (session: StdioSession) => void): void {
    this.#isClosed = true;
    for (const [key, { response }] of this.#waiting) {
      if (response.headersSent) response.destroy();
      else sendRpcError(response, 502, key, 1082, "The stdio server ended before it had answered.");
    }
    this.#waiting.clear();
    this.#stream?.end();
    tell(this);
  }
}

export function sendRpcError(
  response: ServerResponse,
  status: number,
  id: string,
  code: number,
  message: string,
): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify({ code, message })}}`);
}

function beginEvents(response: ServerResponse, sessionId: string): void {
  if (response.headersSent) return;
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "mcp-session-id": sessionId,
  });
  response.flushHeaders();
}

function eventOf(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from("event: message\ndata: "), message, Buffer.from("\n\n")]);
}

/** Line breaks in JSON stand only between tokens: inside strings they are escaped. */
function withoutLineBreaks(message: Buffer): Buffer {
  if (!message.includes(0x0a) && !message.includes(0x0d)) return message;
  const line = Buffer.from(message);
  for (let i = 0; i < line.length; i++) if (line[i] === 0x0a || line[i] === 0x0d) line[i] = 0x20;
  return line;
}
