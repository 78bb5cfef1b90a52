import { Failure } from "@gatewayops/platform/errors";
import { isJsonType } from "@gatewayops/platform/rpc/rest";
import type { HttpExchange } from "../mcp/http-exchange.ts";

const NO_BYTES = Buffer.alloc(0);

/** Reads the body of an exchange's request and goes on with it, or fails the exchange. */
export function receiveBody(exchange: HttpExchange): void {
  const { request, pipeline } = exchange;
  if (!isJsonType(request.headers["content-type"])) {
    fail(
      exchange,
      new Failure("CONTENT_TYPE_UNSUPPORTED", "Send the body as `Content-Type: application/json`."),
    );
    return;
  }
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    fail(
      exchange,
      new Failure("CONTENT_TYPE_UNSUPPORTED", "Send the body without Content-Encoding."),
    );
    return;
  }
  if (Number(request.headers["content-length"] ?? 0) > pipeline.bodyMaxBytes) {
    fail(exchange, tooLarge(pipeline.bodyMaxBytes));
    return;
  }
  let first: Buffer = NO_BYTES;
  let more: Buffer[] | undefined;
  let size = 0;
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > pipeline.bodyMaxBytes) {
      request.removeAllListeners("data");
      fail(exchange, tooLarge(pipeline.bodyMaxBytes));
      return;
    }
    if (first.length === 0) first = chunk;
    else (more ??= [first]).push(chunk);
  });
  request.on("end", () => {
    if (size <= pipeline.bodyMaxBytes) exchange.receive(more ? Buffer.concat(more) : first);
  });
}

/**
 * What is left of the body is read and thrown away, so that the answer reaches its sender; the server's request
 * time-out bounds how long that goes on.
 */
function fail(exchange: HttpExchange, failure: Failure): void {
  exchange.request.resume();
  exchange.fail(failure);
}

function tooLarge(maxBytes: number): Failure {
  return new Failure("BODY_TOO_LARGE", `The body may have at most ${maxBytes} bytes.`);
}
