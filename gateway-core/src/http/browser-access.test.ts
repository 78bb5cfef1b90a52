import { describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { createBrowserAccess, namesIn, type BrowserAccess } from "./browser-access.ts";

describe("a gateway that listens on loopback", () => {
  const access = accessWith({ bindHost: "127.0.0.1" });

  it.each([
    "localhost",
    "localhost:8080",
    "LocalHost:8080",
    "gateway.localhost",
    "127.0.0.1:8080",
    "127.8.9.1",
    "[::1]:8080",
    "[::1]",
  ])("takes what comes to %s", (host) => {
    expect(access.refusalOfHost({ host })).toBeUndefined();
  });

  it.each([
    "evil.example.com",
    "evil.example.com:8080",
    "127.0.0.1.evil.example.com",
    "localhost.evil.example.com",
    "notlocalhost",
    "10.0.0.1:8080",
    "[fe80::1]:8080",
    "[::1].evil.example.com",
    "",
  ])("refuses what comes to %j, as a rebound page's request does", (host) => {
    expect(access.refusalOfHost({ host })?.reason).toBe("HOST_FORBIDDEN");
  });

  it.each(["localhost", "::1", "127.0.0.2"])("is one that listens on %s as well", (bindHost) => {
    const headers = { host: "evil.example.com" };
    expect(accessWith({ bindHost }).refusalOfHost(headers)?.reason).toBe("HOST_FORBIDDEN");
  });

  it("takes names that the operator allows, for a proxy that keeps them", () => {
    const allowing = accessWith({ bindHost: "127.0.0.1", hosts: "Gateway.example.com, b.example" });
    expect(allowing.refusalOfHost({ host: "gateway.example.com:443" })).toBeUndefined();
    expect(allowing.refusalOfHost({ host: "b.example" })).toBeUndefined();
    expect(allowing.refusalOfHost({ host: "c.example" })?.reason).toBe("HOST_FORBIDDEN");
    expect(allowing.refusalOfHost({ host: "localhost" })).toBeUndefined();
  });

  it("takes every name when the operator says so", () => {
    const open = accessWith({ bindHost: "127.0.0.1", hosts: "*" });
    expect(open.refusalOfHost({ host: "c.example" })).toBeUndefined();
  });
});

describe("a gateway that listens on other addresses", () => {
  it("takes every name, for its ingress has chosen by name already", () => {
    const access = accessWith({ bindHost: "0.0.0.0" });
    expect(access.refusalOfHost({ host: "gateway.example.com" })).toBeUndefined();
  });

  it("is held to the names that the operator gives", () => {
    const access = accessWith({ bindHost: "0.0.0.0", hosts: "gateway.example.com" });
    expect(access.refusalOfHost({ host: "gateway.example.com" })).toBeUndefined();
    expect(access.refusalOfHost({ host: "other.example.com" })?.reason).toBe("HOST_FORBIDDEN");
  });
});

describe("refusalOfOrigin", () => {
  const access = accessWith({ origins: "https://app.example.com" });

  it.each<[string, IncomingHttpHeaders]>([
    ["no page", { host: "localhost:8080" }],
    ["our own page", { host: "localhost:8080", origin: "http://localhost:8080" }],
    ["an allowed page", { host: "localhost:8080", origin: "https://app.example.com" }],
  ])("takes %s", (_who, headers) => {
    expect(access.refusalOfOrigin(headers)).toBeUndefined();
  });

  it.each(["https://evil.example.com", "http://app.example.com", "http://localhost:9090", "null"])(
    "refuses the page of %s",
    (origin) => {
      const headers = { host: "localhost:8080", origin };
      expect(access.refusalOfOrigin(headers)?.reason).toBe("ORIGIN_FORBIDDEN");
    },
  );

  it("takes every page when the operator says so", () => {
    const headers = { host: "localhost:8080", origin: "https://evil.example.com" };
    expect(accessWith({ origins: "*" }).refusalOfOrigin(headers)).toBeUndefined();
  });
});

describe("the answers to an allowed page", () => {
  it("tell the browser what a script may send, a tool's own headers and the key's included", async () => {
    const answer = await answerTo(accessWith({ credentialHeader: "x-api-key" }), {
      method: "OPTIONS",
      origin: "https://app.example.com",
      "access-control-request-headers": "Mcp-Param-Region, x-secret, mcp-session-id",
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
    expect(answer.headers.get("access-control-allow-methods")).toBe("GET, POST, DELETE");
    const allowed = answer.headers.get("access-control-allow-headers")?.split(", ");
    expect(allowed).toEqual(
      expect.arrayContaining([
        "x-api-key",
        "content-type",
        "mcp-session-id",
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
        "last-event-id",
        "mcp-param-region",
      ]),
    );
    expect(allowed).not.toContain("x-secret");
    expect(answer.headers.get("vary")).toContain("Origin");
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  });

  it("let its script read the headers of MCP and ours, beside those of the answer itself", async () => {
    const answer = await answerTo(accessWith({}), { origin: "https://app.example.com" });
    expect(answer.headers.get("content-type")).toBe("text/plain");
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
    expect(answer.headers.get("access-control-expose-headers")?.split(", ")).toEqual(
      expect.arrayContaining([
        "Mcp-Session-Id",
        "MCP-Protocol-Version",
        "WWW-Authenticate",
        "X-Request-Id",
        "Retry-After",
      ]),
    );
    expect(answer.headers.get("vary")).toBe("Origin");
  });

  it("say nothing of this to what is no page", async () => {
    const answer = await answerTo(accessWith({}), {});
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    expect(answer.headers.get("vary")).toBeNull();
  });
});

describe("namesIn", () => {
  it("splits a setting's list and leaves out what is empty", () => {
    expect([...namesIn(" A.example ,, b.example,")]).toEqual(["a.example", "b.example"]);
    expect(namesIn("").size).toBe(0);
  });
});

function accessWith(given: {
  bindHost?: string;
  hosts?: string;
  origins?: string;
  credentialHeader?: string;
}): BrowserAccess {
  return createBrowserAccess({
    bindHost: given.bindHost ?? "127.0.0.1",
    allowedHosts: namesIn(given.hosts ?? ""),
    allowedOrigins: namesIn(given.origins ?? ""),
    credentialHeader: given.credentialHeader ?? "authorization",
  });
}

/** What a browser gets over real HTTP, from a server that writes its own headers as a flat list, as ours does. */
async function answerTo(
  access: BrowserAccess,
  { method = "GET", ...headers }: Record<string, string>,
): Promise<Response> {
  const server = createServer((request, response) => {
    if (request.method === "OPTIONS") {
      access.answerPreflight(request.headers, response);
      return;
    }
    access.share(request.headers, response);
    response.writeHead(200, ["content-type", "text/plain"]);
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    return await fetch(`http://127.0.0.1:${port}/`, { method, headers });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
