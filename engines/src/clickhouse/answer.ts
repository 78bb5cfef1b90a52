import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import { createGzip, constants, gzip } from "node:zlib";
import { promisify } from "node:util";

import { exceptionFrom, httpStatusOf } from "./exception.ts";
import type { ResultSink, Summary } from "./execute.ts";

const gzipAsync = promisify(gzip);
/** A shorter body gains nothing from compression. */
const COMPRESS_MIN_BYTES = 1024;

export type Answer = ResultSink & {
  /** Sends what is left. Call it once the statement has ended well. */
  end(): Promise<void>;
  /** Reports a failure: by status when nothing was sent, else inside the stream. */
  fail(error: unknown): Promise<void>;
};

/** Writes one query's outcome as ClickHouse's HTTP interface does. */
export function createAnswer(
  response: ServerResponse,
  options: { readonly queryId: string; readonly compress: boolean },
): Answer {
  // ClickHouse 25.11+: a failure after the first byte is framed by a tag announced in the header.
  const tag = randomBytes(8).toString("hex");
  let body: Writable = response;
  let whole: Uint8Array | undefined;

  const headers = (format: string) => ({
    "content-type": contentTypeOf(format),
    "x-clickhouse-query-id": options.queryId,
    "x-clickhouse-format": format,
    "x-clickhouse-timezone": "UTC",
    "x-clickhouse-server-display-name": "gatewayops-embedded",
  });

  return {
    whole(format, bytes, summary) {
      whole = bytes;
      response.statusCode = 200;
      response.setHeaders(
        new Map(Object.entries({ ...headers(format), "x-clickhouse-summary": toHeader(summary) })),
      );
    },
    begin(format) {
      const encoding = options.compress ? { "content-encoding": "gzip" } : {};
      response.writeHead(200, {
        ...headers(format),
        ...encoding,
        "x-clickhouse-exception-tag": tag,
      });
      if (options.compress) {
        const compressor = createGzip({ level: constants.Z_BEST_SPEED });
        compressor.pipe(response);
        response.once("close", () => compressor.destroy());
        body = compressor;
      }
    },
    async chunk(bytes) {
      if (response.destroyed || body.destroyed) return false;
      if (!body.write(bytes)) await drained(body, response);
      return !response.destroyed;
    },
    abandoned: () => response.destroyed,
    async end() {
      if (whole === undefined) {
        body.end();
        return;
      }
      const compress = options.compress && whole.length >= COMPRESS_MIN_BYTES;
      const bytes = compress ? await gzipAsync(whole, { level: constants.Z_BEST_SPEED }) : whole;
      if (compress) response.setHeader("content-encoding", "gzip");
      response.setHeader("content-length", bytes.length);
      response.end(bytes);
    },
    async fail(error) {
      const failure = exceptionFrom(error);
      if (response.destroyed) return;
      if (response.headersSent) {
        const text = failure.message;
        const length = Buffer.byteLength(text) + 1;
        body.end(
          `\r\n__exception__\r\n${tag}\n${text}\n${String(length)} ${tag}\r\n__exception__\r\n`,
        );
        return;
      }
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      const text = Buffer.from(failure.message + "\n");
      response.writeHead(httpStatusOf(failure.code), {
        "content-type": "text/plain; charset=UTF-8",
        "content-length": text.length,
        "x-clickhouse-query-id": options.queryId,
        "x-clickhouse-exception-code": String(failure.code),
      });
      response.end(text);
      await Promise.resolve();
    },
  };
}

/** Waits until `body` takes more, or `response` is closed by its reader. */
async function drained(body: Writable, response: ServerResponse): Promise<void> {
  const waiting = new AbortController();
  const options = { signal: waiting.signal };
  await Promise.race([once(body, "drain", options), once(response, "close", options)]).catch(
    // The connection broke: the next look at `destroyed` says so.
    () => undefined,
  );
  waiting.abort();
}

/** ClickHouse writes every number of the summary as a string. */
function toHeader(summary: Summary): string {
  return JSON.stringify({
    read_rows: String(summary.readRows),
    read_bytes: String(summary.readBytes),
    written_rows: String(summary.writtenRows),
    written_bytes: String(summary.writtenBytes),
    total_rows_to_read: "0",
    result_rows: String(summary.resultRows),
    result_bytes: String(summary.readBytes),
    elapsed_ns: String(Math.round(summary.elapsedMs * 1e6)),
  });
}

function contentTypeOf(format: string): string {
  if (format.startsWith("JSON")) {
    return format.includes("EachRow") ? "application/x-ndjson; charset=UTF-8" : "application/json";
  }
  if (format.startsWith("CSV")) return "text/csv; charset=UTF-8; header=absent";
  if (BINARY.has(format)) return "application/octet-stream";
  return "text/tab-separated-values; charset=UTF-8";
}

const BINARY = new Set(["RowBinary", "Native", "Parquet", "Arrow", "ArrowStream", "ORC"]);
