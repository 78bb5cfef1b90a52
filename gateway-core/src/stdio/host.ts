import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Logger } from "@gatewayops/platform/log";
import { readBody } from "@gatewayops/platform/rpc/body";
import { STDIO_SECRET_HEADER } from "../upstream/registry.ts";
import { StdioSession, sendRpcError, type StdioServer } from "./session.ts";

export type StdioHostOptions = {
  readonly servers: readonly StdioServer[];
  readonly secret: string;
  /** Environment every server gets, before its own. */
  readonly env: Readonly<Record<string, string>>;
  readonly log: Logger;
  readonly now: () => number;
};

/** Milliseconds after which a session nobody uses is ended: clients rarely say goodbye. */
const IDLE_MS = 10 * 60_000;
const SWEEP_MS = 10_000;
/** Processes of one server. */
const SESSIONS_MAX = 200;
const BODY_MAX_BYTES = 32 * 1024 * 1024;

/**
 * Serves the operator's stdio servers over Streamable HTTP of the legacy era: one process per session, each session
 * bound to the organisation that opened it. Listens on loopback and only answers the gateway, which knows the secret.
 */
export function createStdioHost(options: StdioHostOptions): { server: Server; close(): void } {
  const servers = new Map(options.servers.map((server) => [server.name, server]));
  const sessions = new Map<string, { session: StdioSession; server: string }>();
  const sweeper = setInterval(sweep, SWEEP_MS);
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      options.log.error({ err: error }, "stdio host failed");
      if (!response.headersSent)
        sendRpcError(response, 500, "null", -32603, "The stdio host failed.");
    });
  });
  return {
    server,
    close() {
      clearInterval(sweeper);
      for (const { session } of sessions.values()) session.close();
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isFromGateway(request)) {
      sendRpcError(response, 403, "null", -32600, "Only the gateway may speak to the stdio host.");
      return;
    }
    const name = decodeURIComponent((request.url ?? "/").slice(1));
    const org = String(request.headers["x-gwo-org"] ?? "");
    const declared = servers.get(name);
    if (!declared) {
      sendRpcError(
        response,
        404,
        "null",
        -32600,
        `config.yaml lists no stdio server ${JSON.stringify(name)} under mcp_servers.stdio.`,
      );
      return;
    }
    const known = sessionOf(request, name, org);
    switch (request.method) {
      case "POST": {
        const body = await readBody(request, BODY_MAX_BYTES);
        if (!known && !isInitialize(body)) {
          refuse(request, response);
          return;
        }
        const session = known ?? open(declared, org);
        if (session) session.send(body, response, options.now());
        else
          sendRpcError(
            response,
            503,
            "null",
            1061,
            `${SESSIONS_MAX} sessions of ${declared.name} run already.`,
          );
        return;
      }
      case "GET":
        if (!known) refuse(request, response);
        else if (!known.openStream(response))
          sendRpcError(response, 409, "null", -32600, "The stream is open already.");
        return;
      case "DELETE":
        known?.close();
        response.writeHead(known ? 200 : 404, { "content-length": "0" }).end();
        return;
      default:
        response.writeHead(405, { allow: "GET, POST, DELETE", "content-length": "0" }).end();
    }
  }

  function open(declared: StdioServer, org: string): StdioSession | undefined {
    const running = [...sessions.values()].filter((one) => one.server === declared.name).length;
    if (running >= SESSIONS_MAX) return undefined;
    const session = new StdioSession({
      id: randomBytes(16).toString("hex"),
      org,
      server: declared,
      env: options.env,
      now: options.now(),
      log: options.log,
      onExit: (ended) => sessions.delete(ended.id),
    });
    sessions.set(session.id, { session, server: declared.name });
    return session;
  }

  function sessionOf(
    request: IncomingMessage,
    name: string,
    org: string,
  ): StdioSession | undefined {
    const found = sessions.get(String(request.headers["mcp-session-id"] ?? ""));
    return found?.server === name && found.session.org === org ? found.session : undefined;
  }

  function isFromGateway(request: IncomingMessage): boolean {
    const given = Buffer.from(String(request.headers[STDIO_SECRET_HEADER] ?? ""));
    const wanted = Buffer.from(options.secret);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }

  function sweep(): void {
    const oldest = options.now() - IDLE_MS;
    for (const { session } of sessions.values())
      if (session.isIdle && session.usedAt < oldest) session.close();
  }
}

/** 404 makes a client initialize again; 400 says that it never did (MCP 2025-11-25 transports). */
function refuse(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers["mcp-session-id"] === undefined)
    sendRpcError(
      response,
      400,
      "null",
      -32600,
      "Send `initialize` first; every later request needs its Mcp-Session-Id.",
    );
  else
    sendRpcError(
      response,
      404,
      "null",
      -32600,
      "There is no such session. Send `initialize` to begin a new one.",
    );
}

function isInitialize(body: Buffer): boolean {
  return (JSON.parse(body.toString("utf8")) as { method?: unknown }).method === "initialize";
}
