import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { FORWARDED_HEADER, PEER_SECRET_HEADER } from "../cluster/peers.ts";

/** Bytes of headers: those of the agent's request and ours. */
const HEADERS_MAX_BYTES = 24 * 1024;

/**
 * Serves what other workers hand over to this one. The agent's own key goes with each request and is checked as ever;
 * the secret only says that a gateway has sent it.
 */
export function createPeerServer(
  internalSecret: string,
  serve: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const wanted = Buffer.from(internalSecret);
  return createServer(
    { maxHeaderSize: HEADERS_MAX_BYTES, noDelay: true, requestTimeout: 0 },
    (request, response) => {
      const given = Buffer.from(String(request.headers[PEER_SECRET_HEADER] ?? ""));
      const isPeer = given.length === wanted.length && timingSafeEqual(given, wanted);
      if (!isPeer || request.headers[FORWARDED_HEADER] === undefined) {
        response.writeHead(404, { "content-length": "0" }).end();
        return;
      }
      serve(request, response);
    },
  );
}
