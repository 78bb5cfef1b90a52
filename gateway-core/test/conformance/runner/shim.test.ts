import { afterEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { startShim, type Shim } from "./shim.ts";

let gateway: Server;
let shim: Shim;

afterEach(async () => {
  await shim.close();
  gateway.closeAllConnections();
  await new Promise((resolve) => gateway.close(resolve));
});

describe("startShim", () => {
  it("adds the key, maps the path and leaves all else as it came", async () => {
    let seen: IncomingMessage | undefined;
    await begin((request, response) => {
      seen = request;
      void text(request).then((body) => {
        response.writeHead(404, { "X-Echo": body });
        response.end("gone");
      });
    });
    const { status, echo, body } = await send({
      body: "hello",
      headers: {
        Host: "evil.example.com",
        Origin: "http://evil.example.com",
        "Mcp-Method": "ping",
      },
    });
    expect({ status, echo, body }).toEqual({ status: 404, echo: "hello", body: "gone" });
    expect(seen?.url).toBe("/v1/mcp/files?a=b");
    expect(seen?.method).toBe("POST");
    expect(seen?.headers).toMatchObject({
      authorization: "Bearer gwo_key",
      host: "evil.example.com",
      origin: "http://evil.example.com",
      "mcp-method": "ping",
    });
  });

  it("passes a stream's parts on as they come, and tells the gateway when its reader has gone", async () => {
    const gone = Promise.withResolvers<undefined>();
    await begin((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
      response.on("close", () => {
        gone.resolve(undefined);
      });
    });
    const request = httpRequest(shim.url);
    request.end();
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    const [chunk] = (await once(answer, "data")) as [Buffer];
    expect(chunk.toString()).toBe("data: 1\n\n");
    request.on("error", () => undefined);
    request.destroy();
    await gone.promise;
  });

  it("breaks off where the gateway does", async () => {
    await begin((_request, response) => {
      response.writeHead(200);
      response.write("half", () => response.destroy());
    });
    const request = httpRequest(shim.url);
    request.end();
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    await expect(text(answer)).rejects.toThrow("aborted");
  });
});

async function begin(listener: RequestListener): Promise<void> {
  gateway = createServer(listener);
  gateway.listen(0, "127.0.0.1");
  await once(gateway, "listening");
  const { port } = gateway.address() as AddressInfo;
  const gatewayUrl = `http://127.0.0.1:${port}`;
  shim = await startShim({ gatewayUrl, server: "files", apiKey: "gwo_key" });
}

async function send(what: { body: string; headers: Record<string, string> }) {
  const request = httpRequest(`${shim.url}?a=b`, { method: "POST", headers: what.headers });
  request.end(what.body);
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return {
    status: answer.statusCode,
    echo: answer.headers["x-echo"],
    body: await text(answer),
  };
}
