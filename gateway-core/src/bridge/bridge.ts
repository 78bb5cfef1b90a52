import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Agent } from "undici";
import { Failure, failureFrom } from "@gatewayops/platform/errors";
import type { Logger } from "@gatewayops/platform/log";
import { readBody } from "@gatewayops/platform/rpc/body";
import { MessageError, readMessage } from "../mcp/message.ts";
import type { AddressGuard } from "../upstream/address-guard.ts";
import { createConnector } from "../upstream/connector.ts";
import { BRIDGE_SECRET_HEADER, UPSTREAM_URL_HEADER } from "../upstream/registry.ts";
import { sendFailure } from "./http-answer.ts";
import { SessionTable, orgOf } from "./session-table.ts";
import { BridgedSseServer } from "./bridged-sse-server.ts";
import type { StdioServer } from "./stdio-process.ts";
import { BridgedStdioServer } from "./bridged-stdio-server.ts";
import type { BridgedServer } from "./bridged-server.ts";

export type BridgeOptions = {
  readonly servers: readonly StdioServer[];
  readonly secret: string;
  /** Environment every stdio server gets, before its own. */
  readonly env: Readonly<Record<string, string>>;
  /** Which addresses may be connected to, of servers over HTTP+SSE. */
  readonly mayConnect: AddressGuard;
  readonly log: Logger;
  readonly now: () => number;
};

/** Milliseconds after which what nobody uses is ended: clients rarely say goodbye. */
const IDLE_MS = 10 * 60_000;
const SWEEP_MS = 10_000;
const BODY_MAX_BYTES = 32 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Serves MCP servers that do not speak Streamable HTTP to the workers, which speak nothing else: the operator's stdio
 * servers at `/{name}`, and servers over HTTP+SSE at `/sse`. Sessions are bound to the organisation that opened them.
 * Listens on loopback and only answers the gateway, which knows the secret.
 */
export function createBridge(options: BridgeOptions): { server: Server; close(): void } {
  const { log, now } = options;
  const dispatcher = new Agent({
    connect: createConnector({
      timeoutMs: CONNECT_TIMEOUT_MS,
      mayConnect: options.mayConnect,
      to: undefined,
    }),
    allowH2: false,
    keepAliveTimeout: 4_000,
  });
  const stdio = new Map(
    options.servers.map((server) => [
      server.name,
      new BridgedStdioServer({ server, env: options.env, log, now }),
    ]),
  );
  const sessions = new SessionTable(log, now);
  const sweeper = setInterval(() => {
    const oldest = now() - IDLE_MS;
    sessions.endIdle(oldest);
    for (const bridged of stdio.values()) bridged.endIdle(oldest);
  }, SWEEP_MS);
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      fail(response, error);
    });
  });
  return {
    server,
    close() {
      clearInterval(sweeper);
      sessions.close();
      for (const bridged of stdio.values()) bridged.close();
      // Connections with a session end with it; nothing waits for the rest.
      void dispatcher.close();
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isFromGateway(request)) {
      response.writeHead(403, { "content-length": "0" }).end();
      return;
    }
    const { pathname } = new URL(request.url ?? "/", "http://bridge");
    const url = request.headers[UPSTREAM_URL_HEADER];
    if (url === undefined) {
      await serveMcp(stdioServerNamed(pathname), request, response);
      return;
    }
    const bridged = new BridgedSseServer(urlFrom(url), dispatcher);
    const isProbe = request.method === "HEAD" || pathname === "/sse/probe";
    if (isProbe) await bridged.answerProbe(request.headers, response);
    else await serveMcp(bridged, request, response);
  }

  async function serveMcp(
    bridged: BridgedServer,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    switch (request.method) {
      case "POST":
        await post(bridged, request, response);
        return;
      case "GET":
        if (!sessions.require(bridged, request).openStream(response))
          fail(response, new MessageError(-32600, "The session's stream is open already."));
        return;
      case "DELETE":
        sessions.end(bridged, request);
        response.writeHead(200, { "content-length": "0" }).end();
        return;
      default:
        response.writeHead(405, { allow: "GET, POST, DELETE", "content-length": "0" }).end();
    }
  }

  async function post(
    bridged: BridgedServer,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { headers } = request;
    const body = await readBody(request, BODY_MAX_BYTES);
    const message = readMessage(body);
    const sent = { message, body, headers };
    try {
      if (message.era === "modern") await bridged.answerModern(orgOf(request), sent, response);
      else if (message.method === "initialize" && headers["mcp-session-id"] === undefined)
        sessions.open(bridged, request).send(sent, response);
      else sessions.require(bridged, request).send(sent, response);
    } catch (error) {
      fail(response, error, message.idText);
    }
  }

  function fail(response: ServerResponse, error: unknown, idText = "null"): void {
    if (response.destroyed) return; // whoever asked hung up
    const failure = failureFrom(error);
    if (failure.reason === "INTERNAL") log.error({ err: error }, "the bridge failed");
    const id = failure instanceof MessageError && idText === "null" ? failure.idText : idText;
    if (response.headersSent) response.destroy();
    else sendFailure(response, failure, id);
  }

  function stdioServerNamed(pathname: string): BridgedStdioServer {
    const name = decodeURIComponent(pathname.slice(1));
    const bridged = stdio.get(name);
    if (bridged) return bridged;
    throw new Failure(
      "SERVER_UNKNOWN",
      `config.yaml lists no stdio server ${JSON.stringify(name)} under mcp_servers.stdio.`,
    );
  }

  function isFromGateway(request: IncomingMessage): boolean {
    const given = Buffer.from(String(request.headers[BRIDGE_SECRET_HEADER] ?? ""));
    const wanted = Buffer.from(options.secret);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }
}

function urlFrom(header: string | string[]): URL {
  const url = URL.parse(String(header));
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new Failure("REQUEST_INVALID", `${UPSTREAM_URL_HEADER} must be an http or https URL.`);
}
