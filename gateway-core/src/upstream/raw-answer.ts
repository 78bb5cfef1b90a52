import type { Dispatcher } from "undici";
import { Failure } from "@gatewayops/platform/errors";
import { AnswerScan, type AnswerKind } from "../mcp/answer-scan.ts";

/** A JSON-RPC answer in the server's own bytes. */
export type RawAnswer = {
  readonly status: number;
  /** "other": no body, as notifications are answered. */
  readonly kind: AnswerKind;
  readonly rpcCode: number;
  readonly isToolError: boolean;
  /** The message. */
  readonly body: Buffer;
  /** Session id the server gave with it; empty for none. */
  readonly sessionId: string;
};

/** Bytes of an answer that a face which cannot stream takes. */
const ANSWER_MAX_BYTES = 32 * 1024 * 1024;

/**
 * Reads a server's answer, from a JSON document or from the event of a stream that holds it.
 *
 * @throws Failure when it is not MCP
 */
export async function readAnswer(
  response: Dispatcher.ResponseData,
  server: string,
): Promise<RawAnswer> {
  const { statusCode: status, headers } = response;
  const type = String(headers["content-type"] ?? "");
  const bytes = await collect(response, server);
  const sessionId = typeof headers["mcp-session-id"] === "string" ? headers["mcp-session-id"] : "";
  if (status === 202 || (status < 300 && bytes.length === 0))
    return { status, kind: "other", rpcCode: 0, isToolError: false, body: bytes, sessionId };
  const isEvents = type.startsWith("text/event-stream");
  if (
    status === 401 ||
    status === 403 ||
    (status >= 300 && status < 400) ||
    (status >= 400 && !type.startsWith("application/json"))
  )
    throw new Failure(
      "UPSTREAM_HTTP_ERROR",
      `The MCP server ${server} answered with HTTP status ${status}.`,
    );
  if (!isEvents && !type.startsWith("application/json"))
    throw new Failure(
      "UPSTREAM_NOT_MCP",
      `The MCP server ${server} did not answer in MCP: neither JSON nor an event stream.`,
    );
  for (const message of isEvents ? eventsOf(bytes) : [bytes]) {
    const scan = new AnswerScan();
    scan.feed(message);
    if (!scan.isWhole || scan.kind === "other") continue;
    return {
      status,
      kind: scan.kind,
      rpcCode: scan.rpcCode,
      isToolError: scan.isToolError,
      body: message,
      sessionId,
    };
  }
  if (status >= 400)
    throw new Failure(
      "UPSTREAM_HTTP_ERROR",
      `The MCP server ${server} answered with HTTP status ${status}.`,
    );
  throw new Failure(
    isEvents ? "UPSTREAM_CLOSED" : "UPSTREAM_NOT_MCP",
    `The MCP server ${server} ended its answer without a JSON-RPC result.`,
  );
}

async function collect(response: Dispatcher.ResponseData, server: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ANSWER_MAX_BYTES) {
      response.body.destroy();
      throw new Failure(
        "UPSTREAM_TOO_LARGE",
        `The MCP server ${server} answered with more than ${ANSWER_MAX_BYTES} bytes.`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The data of an event stream's events (WHATWG HTML §9.2.6). */
function eventsOf(stream: Buffer): Buffer[] {
  return stream
    .toString("utf8")
    .split(/\r\n\r\n|\n\n|\r\r/)
    .map((event) =>
      event
        .split(/\r\n|\n|\r/)
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(line[5] === " " ? 6 : 5))
        .join("\n"),
    )
    .filter((data) => data !== "")
    .map((data) => Buffer.from(data));
}
