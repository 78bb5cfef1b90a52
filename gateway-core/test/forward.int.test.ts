import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { createForwarder } from "../src/http/forward.ts";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("the forwarder", () => {
  it("lets an answer on a kept connection be silent for longer than the connection may be idle", async () => {
    const idleMs = 2_000;
    const connections = new Set<unknown>();
    const service = createServer((request, response) => {
      connections.add(request.socket);
      if (request.url === "/v1/traces") {
        response.end("{}");
        return;
      }
      response.write("first\n");
      setTimeout(() => response.end("last\n"), idleMs + 500);
    });
    // Told to the gateway in the header Keep-Alive.
    service.keepAliveTimeout = idleMs;
    const trace = await listen(service);
    const forward = createForwarder({ auth: "", cost: "", trace });
    const gateway = await listen(
      createServer((request, response) => void forward(request, response, request.url ?? "")),
    );
    expect(await (await fetch(`${gateway}/v1/traces`)).text()).toBe("{}");
    expect(await (await fetch(`${gateway}/v1/traces/tail`)).text()).toBe("first\nlast\n");
    expect(connections.size).toBe(1);
  });
});
