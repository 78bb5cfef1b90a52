import type { Socket } from "node:net";

/** A request to answer, of which the body has arrived. */
export type Answering = {
  readonly socket: Socket;
  /** JSON of the request's id; "null" where it has none. */
  readonly id: string;
  /** JSON of the result that a server in order would give. */
  readonly result: string;
};

export type WireRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
};

/** Writes a JSON document, and leaves the connection open. */
export function json(socket: Socket, body: string, status = "200 OK", headers = ""): void {
  socket.write(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** Writes messages as a stream that ends, and leaves the connection open. */
export function sse(socket: Socket, messages: readonly string[]): void {
  sseHead(socket);
  for (const message of messages) sseEvent(socket, message);
  socket.write("0\r\n\r\n");
}

export function sseHead(socket: Socket): void {
  socket.write(
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
  );
}

export function sseEvent(socket: Socket, message: string): void {
  const event = `event: message\ndata: ${message}\n\n`;
  socket.write(`${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`);
}

/** Reads HTTP requests off a bare connection: a server that is to misbehave at any byte cannot be Node's own. */
export function onRequests(socket: Socket, take: (request: WireRequest) => void): void {
  let pending = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const end = pending.indexOf("\r\n\r\n");
      if (end < 0) return;
      const [first = "", ...lines] = pending.toString("latin1", 0, end).split("\r\n");
      const headers = new Map(
        lines.map((line) => {
          const colon = line.indexOf(":");
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
        }),
      );
      const length = Number(headers.get("content-length") ?? 0);
      if (pending.length < end + 4 + length) return;
      const body = pending.toString("utf8", end + 4, end + 4 + length);
      pending = pending.subarray(end + 4 + length);
      const [method = "", path = ""] = first.split(" ");
      take({ method, path, headers, body });
    }
  });
  // A peer that resets is nothing to a server that misbehaves itself.
  socket.on("error", () => undefined);
}
