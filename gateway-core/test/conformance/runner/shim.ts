import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export type ShimOptions = {
  /** Origin of the gateway: "http://127.0.0.1:8080". */
  readonly gatewayUrl: string;
  /** Name of the MCP server behind the gateway. */
  readonly server: string;
  readonly apiKey: string;
};

export type Shim = { readonly url: string; close(): Promise<void> };

/** Headers of one connection, which are each side's own (RFC 9110 §7.6.1). */
const HOP_BY_HOP: ReadonlySet<string> = new Set(["connection", "keep-alive"]);

/**
 * Stands before the gateway for a client that can set neither a header nor a path: adds the API key, and serves the
 * MCP server's path as /mcp. All else passes as it came, Host and Origin too, both ways, unbuffered; a side that goes
 * away takes the other with it.
 */
export async function startShim({ gatewayUrl, server, apiKey }: ShimOptions): Promise<Shim> {
  const gateway = new URL(gatewayUrl);
  const shim = createServer((request, response) => {
    const onward = httpRequest({
      host: gateway.hostname,
      port: gateway.port,
      method: request.method,
      path: (request.url ?? "/").replace(/^\/mcp(?=\?|$)/, `/v1/mcp/${server}`),
      headers: [...passed(request), "Authorization", `Bearer ${apiKey}`],
      setHost: false,
    });
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, passed(answer));
      response.flushHeaders();
      answer.pipe(response);
      answer.on("error", () => response.destroy());
      answer.on("close", () => {
        if (!answer.complete) response.destroy();
      });
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve, reject) => {
    shim.once("error", reject);
    shim.listen(0, "127.0.0.1", resolve);
  });
  const { port } = shim.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async close() {
      shim.closeAllConnections();
      await new Promise((resolve) => shim.close(resolve));
    },
  };
}

function passed({ rawHeaders }: IncomingMessage): string[] {
  const flat: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = "", value = ""] = rawHeaders.slice(at, at + 2);
    if (!HOP_BY_HOP.has(name.toLowerCase())) flat.push(name, value);
  }
  return flat;
}
