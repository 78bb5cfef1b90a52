import { connect, type Socket } from "node:net";

/** What came back on a bare socket before the other side closed it, or before the time was up. */
export type RawAnswer = {
  /** 0 when there was no answer. */
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** True when the gateway closed the connection. */
  readonly isClosed: boolean;
};

/**
 * Sends bytes as they are, which no HTTP client does, and reads until the connection closes or a whole answer is there.
 */
export function sendRaw(
  origin: string,
  write: (socket: Socket) => void,
  timeoutMs = 10_000,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve) => {
    let text = "";
    let isClosed = false;
    const socket = connect(Number(port), hostname, () => {
      write(socket);
    });
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ ...parse(text), isClosed });
    };
    const timer = setTimeout(done, timeoutMs);
    socket.setEncoding("latin1");
    socket.on("data", (part: string) => {
      text += part;
      if (isWhole(text)) done();
    });
    // A reset after the answer: the gateway does not read the rest of a body it has refused.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      isClosed = true;
      done();
    });
  });
}

function parse(text: string): Omit<RawAnswer, "isClosed"> {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const lines = head.split("\r\n");
  const headers = lines.slice(1).map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return {
    status: Number(lines[0]?.split(" ")[1] ?? 0),
    headers: new Map(headers),
    body: rest.join("\r\n\r\n"),
  };
}

function isWhole(text: string): boolean {
  const { headers, body } = parse(text);
  if (headers.get("transfer-encoding") === "chunked") return body.endsWith("\r\n0\r\n\r\n");
  const length = headers.get("content-length");
  return text.includes("\r\n\r\n") && length !== undefined && body.length >= Number(length);
}
