import {
  connect,
  constants,
  createServer,
  type ClientHttp2Session,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { INTERNAL_HEADER } from "@gatewayops/platform/rpc/access";
import type { LocalRpc } from "../grpc/local-rpc.ts";
import { serviceOf, type ServiceUrls } from "./forward.ts";

/** gRPC status codes (gRPC over HTTP/2, "Status"). */
const UNIMPLEMENTED = "12";
const UNAVAILABLE = "14";

/**
 * The gateway's cleartext HTTP/2 port: serves its own services, and forwards other gRPC and Connect calls, trailers and
 * all, to the service they name.
 *
 * @param urls base URLs of the services' HTTP/2 ports
 */
export function createGrpcServer(local: LocalRpc, urls: ServiceUrls): Http2Server {
  const sessions = new Map<string, ClientHttp2Session>();
  const server = createServer();
  // Never listens: it makes requests and responses of the streams that are for us, and leaves the others streams.
  const own = createServer((request, response) => {
    const addTrailers = response.addTrailers.bind(response);
    response.addTrailers = (trailers) => {
      addTrailers(withReadableMessage(trailers));
    };
    local.handle(request, response);
  });
  server.on("stream", (...event: StreamEvent) => {
    const [stream, headers] = event;
    // The other side going away in mid-call is no error of ours.
    stream.on("error", () => undefined);
    // Connect puts the message of a GET into the query.
    const [path = ""] = String(headers[constants.HTTP2_HEADER_PATH] ?? "").split("?", 1);
    if (local.serves(path)) {
      own.emit("stream", ...event);
      return;
    }
    const service = serviceOf(path);
    if (service === undefined) {
      refuse(stream, UNIMPLEMENTED, `no service serves ${path}`);
      return;
    }
    forward(stream, headers, sessionTo(urls[service]));
  });
  server.on("close", () => {
    for (const session of sessions.values()) session.close();
  });
  return server;

  function sessionTo(url: string): ClientHttp2Session {
    const known = sessions.get(url);
    if (known && !known.closed && !known.destroyed) return known;
    const session = connect(url);
    // Every stream of a broken session hears of it by itself.
    session.on("error", () => undefined);
    sessions.set(url, session);
    return session;
  }
}

type StreamEvent = [
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
];

function forward(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  session: ClientHttp2Session,
): void {
  const onward: IncomingHttpHeaders = { ...headers };
  // A secret from outside proves nothing.
  Reflect.deleteProperty(onward, INTERNAL_HEADER);
  Reflect.deleteProperty(onward, "host");
  const upstream = session.request(onward);
  let trailers: IncomingHttpHeaders = {};
  upstream.on("response", (answer) => {
    if (stream.destroyed) return;
    stream.respond(withReadableMessage(answer), { waitForTrailers: true });
    upstream.pipe(stream);
  });
  upstream.on("trailers", (received: IncomingHttpHeaders) => {
    trailers = received;
  });
  stream.on("wantTrailers", () => {
    stream.sendTrailers(withReadableMessage(trailers));
  });
  upstream.on("error", () => {
    if (stream.headersSent) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else refuse(stream, UNAVAILABLE, "the service does not answer");
  });
  stream.on("close", () => {
    if (!upstream.closed) upstream.close(constants.NGHTTP2_CANCEL);
  });
  stream.pipe(upstream);
}

/**
 * Encodes no more of a status message than the protocol asks for (gRPC over HTTP/2, "Status-Message": all but
 * printable ASCII, and "%"): some clients decode no more than that.
 */
function withReadableMessage<T extends OutgoingHttpHeaders>(headers: T): T {
  const message = headers["grpc-message"];
  if (typeof message !== "string") return headers;
  return { ...headers, "grpc-message": encodeMessage(decodeURIComponent(message)) };
}

function encodeMessage(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
}

/** Answers with trailers only, as gRPC fails a call that never began. */
function refuse(stream: ServerHttp2Stream, status: string, message: string): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond(
    {
      ":status": 200,
      "content-type": "application/grpc",
      "grpc-status": status,
      "grpc-message": encodeMessage(message),
    },
    { endStream: true },
  );
}
