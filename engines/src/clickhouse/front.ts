import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

import { createAnswer } from "./answer.ts";
import type { Chdb } from "./chdb.ts";
import type { Connections } from "./connections.ts";
import { exception } from "./exception.ts";
import { execute, leavesTraces } from "./execute.ts";
import { parseRequest, readBody, type BodyRoom } from "./request.ts";
import { kindOf } from "./statement.ts";

/** An insert's SQL is in the URL, its rows in the body; Node's own limit is 16 KiB. */
const MAX_HEADER_BYTES = 1024 * 1024;

export type FrontOptions = {
  readonly chdb: Chdb;
  readonly connections: Connections;
  readonly bodyRoom: BodyRoom;
  /** The client's time limit for sending its request. */
  readonly requestTimeoutMs: number;
};

/**
 * The part of ClickHouse's HTTP interface that `@clickhouse/client` uses. User and password are
 * not looked at: the listener is on loopback, and whoever can reach it can read the data directory.
 */
export function createFront(options: FrontOptions): Server {
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    void handle(options, request, response);
  });
  server.requestTimeout = options.requestTimeoutMs;
  // Longer than the client keeps an idle socket, so that it is the client who closes it.
  server.keepAliveTimeout = 30_000;
  return server;
}

async function handle(
  options: FrontOptions,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(message.url ?? "/", "http://127.0.0.1");
  if (url.pathname === "/ping" || (url.pathname === "/" && isHealthCheck(message, url))) {
    message.resume();
    response.writeHead(200, { "content-type": "text/plain; charset=UTF-8" }).end("Ok.\n");
    return;
  }
  if (url.pathname !== "/") {
    message.resume();
    response.writeHead(404).end(`There is no handle ${url.pathname}\n`);
    return;
  }
  const queryId = url.searchParams.get("query_id") ?? randomUUID();
  const compress =
    url.searchParams.get("enable_http_compression") === "1" &&
    (message.headers["accept-encoding"] ?? "").includes("gzip");
  const answer = createAnswer(response, { queryId, compress });
  try {
    await runQuery(options, message, url, answer);
    await answer.end();
  } catch (error) {
    await answer.fail(error);
    // A body that was refused half-way is not read to its end.
    if (!message.complete) message.destroy();
  }
}

async function runQuery(
  options: FrontOptions,
  message: IncomingMessage,
  url: URL,
  answer: ReturnType<typeof createAnswer>,
): Promise<void> {
  const raw = await readBody(message, options.bodyRoom);
  try {
    const type = message.headers["content-type"] ?? "";
    const isForm = type.startsWith("multipart/form-data");
    const body = isForm ? await unpackForm(raw, type, url) : raw;
    const request = parseRequest(url, message.headers);
    if (message.method === "GET" && kindOf(request.query ?? "") !== "read") {
      throw exception(164, "Cannot execute query in readonly mode: send it with POST");
    }
    await options.connections.use(async (session) => {
      await execute(options.chdb, session, request, body, answer);
      // A reader who left may have left a half-read stream behind.
      return answer.abandoned() || leavesTraces(request, body);
    });
  } finally {
    options.bodyRoom.used -= raw.length;
  }
}

/** Moves the fields of a form to the URL's parameters; the field `query`, if any, is the body. */
async function unpackForm(body: Buffer, type: string, url: URL): Promise<Buffer> {
  // A form comes from the database client on loopback and is bounded by the body limit: no busboy is needed.
  const form = await new Response(new Uint8Array(body), {
    headers: { "content-type": type },
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- see above
  }).formData();
  let query = "";
  for (const [name, value] of form) {
    if (typeof value !== "string") throw exception(48, "Files in forms are not supported");
    if (name === "query") query = value;
    else url.searchParams.append(name, value);
  }
  return Buffer.from(query);
}

function isHealthCheck(message: IncomingMessage, url: URL): boolean {
  return message.method !== "POST" && !url.searchParams.has("query");
}
