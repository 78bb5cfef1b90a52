import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";

import { describe, expect, it } from "@jest/globals";

import { chooseFreePorts, choosePort, LOOPBACK } from "./ports.ts";

describe("choosePort", () => {
  it("names the port that is taken and what to do", async () => {
    const server = createServer().listen(0, LOOPBACK);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await expect(choosePort(port, "Test")).rejects.toMatchObject({
      name: "EngineError",
      message: expect.stringContaining(`port ${String(port)}`),
      nextStep: expect.stringContaining("--ports auto"),
    });
    server.close();
    await once(server, "close");
    await expect(choosePort(port, "Test")).resolves.toBe(port);
  });
});

describe("chooseFreePorts", () => {
  it("gives different ports", async () => {
    expect(new Set(await chooseFreePorts(5)).size).toBe(5);
  });
});
