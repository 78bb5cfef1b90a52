import type { IncomingMessage } from "node:http";
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from "node:zlib";
import type { Transform } from "node:stream";

import { ClickHouseException, exception } from "./exception.ts";

/** One query as the URL asks for it; the body is separate. */
export type QueryRequest = {
  /** SQL of `?query=`, or undefined when the whole statement is the body. */
  readonly query: string | undefined;
  readonly database: string | undefined;
  readonly defaultFormat: string | undefined;
  /** Buffer the whole result before the first byte, so that a failure still has its status. */
  readonly waitEndOfQuery: boolean;
  readonly settings: readonly (readonly [string, string])[];
  readonly parameters: readonly (readonly [string, string])[];
};

/**
 * Reads the query parameters of ClickHouse's HTTP interface.
 *
 * @throws ClickHouseException for sessions and roles, which the front does not have, and for names
 * that cannot be a setting or a parameter.
 */
export function parseRequest(url: URL, headers: IncomingMessage["headers"]): QueryRequest {
  const settings: [string, string][] = [];
  const parameters: [string, string][] = [];
  for (const [key, value] of url.searchParams) {
    if (NOT_SETTINGS.has(key)) continue;
    if (UNSUPPORTED.has(key)) {
      throw exception(48, `'${key}' is not supported by the embedded ClickHouse; leave it out`);
    }
    if (key.startsWith("param_")) parameters.push([validName(key.slice(6)), value]);
    else settings.push([validName(key), value]);
  }
  const query = url.searchParams.get("query");
  return {
    query: query === null || query === "" ? undefined : query,
    database: url.searchParams.get("database") ?? header(headers["x-clickhouse-database"]),
    defaultFormat: url.searchParams.get("default_format") ?? header(headers["x-clickhouse-format"]),
    waitEndOfQuery: isOn(url.searchParams.get("wait_end_of_query")),
    settings,
    parameters,
  };
}

/** Room for request bodies, shared by all requests that are being read, waiting or running. */
export type BodyRoom = { readonly maxBytes: number; readonly totalMaxBytes: number; used: number };

/**
 * Reads and decompresses the body, and takes its bytes out of `room`; the caller gives them back.
 *
 * @throws ClickHouseException beyond the room (after decompression), or when it is garbled.
 */
export async function readBody(message: IncomingMessage, room: BodyRoom): Promise<Buffer> {
  const decoder = decoderFor(message.headers["content-encoding"]);
  const source = decoder === undefined ? message : message.pipe(decoder);
  if (decoder !== undefined) {
    message.once("close", () => {
      if (!message.complete) decoder.destroy(new Error("the connection was closed"));
    });
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      room.used += chunk.length;
      size += chunk.length;
      if (size > room.maxBytes || room.used > room.totalMaxBytes) throw tooLarge(size, room);
      chunks.push(chunk);
    }
  } catch (error) {
    room.used -= size;
    if (decoder === undefined || error instanceof ClickHouseException) throw error;
    throw exception(354, `The request body cannot be decompressed: ${(error as Error).message}`);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size);
}

function tooLarge(size: number, room: BodyRoom): ClickHouseException {
  if (size > room.maxBytes) {
    return exception(
      307,
      `The request body is over ${String(room.maxBytes)} bytes; send it in several inserts`,
    );
  }
  return exception(
    202,
    `Request bodies together are over ${String(room.totalMaxBytes)} bytes; try again later`,
  );
}

function decoderFor(encoding: string | undefined): Transform | undefined {
  switch (encoding) {
    case undefined:
    case "":
    case "identity":
      return undefined;
    case "gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress();
    default:
      throw exception(48, `Content-Encoding '${encoding}' is not supported; use gzip`);
  }
}

function validName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  throw exception(115, `'${name.slice(0, 100)}' is no name of a setting or parameter`);
}

function isOn(value: string | null): boolean {
  return value === "1" || value === "true";
}

function header(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

const UNSUPPORTED = new Set(["session_id", "role", "decompress", "compress"]);

/** Parameters of the HTTP layer: read above, meaningless on loopback, or without an effect here. */
const NOT_SETTINGS = new Set([
  ...["query", "query_id", "database", "default_format", "user", "password", "quota_key"],
  ...["stacktrace", "buffer_size", "client_protocol_version", "wait_end_of_query"],
  ...["session_timeout", "session_check", "close_session", "enable_http_compression"],
  ...["send_progress_in_http_headers", "http_headers_progress_interval_ms"],
  ...[
    "http_zlib_compression_level",
    "http_response_buffer_size",
    "http_write_exception_in_output_format",
  ],
  ...["cancel_http_readonly_queries_on_client_close"],
]);
