import type { IncomingMessage } from "node:http";
import { Failure } from "../errors.ts";

/**
 * Reads a request's body. Of one that is too large the rest is read and thrown away, so that the answer reaches its
 * sender and the connection can be used again; the server's request time-out bounds how long that goes on.
 *
 * @throws Failure BODY_TOO_LARGE
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const refuse = (): void => {
      chunks.length = 0;
      reject(new Failure("BODY_TOO_LARGE", `The body may have at most ${maxBytes} bytes.`));
    };
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else refuse();
    });
    request.on("end", () => {
      resolve(Buffer.concat(chunks));
    });
    request.on("error", reject);
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) refuse();
  });
}
