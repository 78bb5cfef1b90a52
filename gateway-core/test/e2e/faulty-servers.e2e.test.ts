import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { chooseFreePorts } from "@gatewayops/engines/ports";
import { makeKey, makeServer, signIn, type Admin } from "./control-plane.ts";
import { expectRefusal, FACADE, MCP, type Face, type Refusal } from "./faces.ts";
import { startFaultyServer, type FaultyServer } from "./faulty-server.ts";
import { counterOf } from "./metrics.ts";
import { eventsOf } from "./mcp-session.ts";
import { bearer, callTool, readStack, send, waitFor, type Answer } from "./stack.ts";

const stack = readStack();
/** Milliseconds until a call that has ended can be read: what the product promises. */
const VISIBLE_MS = 2_000;

let admin: Admin;
let key: string;
let upstream: FaultyServer;

beforeAll(async () => {
  upstream = await startFaultyServer();
  admin = await signIn(stack);
  key = (await makeKey(admin, { permissions: ["traces:read"] })).secret;
});

afterAll(() => {
  upstream.close();
});

const FACES: readonly Face[] = [MCP, FACADE];

/** Calls the tool "work" of a server through a face. */
function work(face: Face, server: string): Promise<Answer> {
  const body =
    face === MCP
      ? { jsonrpc: "2.0", id: "w-1", method: "tools/call", params: { name: "work", arguments: {} } }
      : { tool: "work", arguments: {} };
  const path = face === MCP ? `/v1/mcp/${server}` : `/v1/mcp/${server}/tools/call`;
  return send(stack.gatewayUrl + path, {
    body,
    headers: { ...bearer(key), accept: "application/json, text/event-stream" },
  });
}

/** The record of a call, which must be there within two seconds. */
function recordOf(requestId: string | null): Promise<Record<string, unknown>> {
  return waitFor(`the record of ${String(requestId)}`, VISIBLE_MS, async () => {
    const answer = await send(`${stack.gatewayUrl}/v1/calls/${String(requestId)}`, {
      headers: bearer(key),
    });
    return answer.status === 200
      ? (answer.json as { call: Record<string, unknown> }).call
      : undefined;
  });
}

function failure(status: number, reason: string, number: number, code = "upstream_error"): Refusal {
  return { status, reason, code, rpcCode: 1_000 + number, rpcId: "w-1" };
}

const UNREACHABLE = failure(502, "UPSTREAM_UNREACHABLE", 80);
const TIMEOUT = failure(504, "UPSTREAM_TIMEOUT", 81, "timeout");
const CLOSED = failure(502, "UPSTREAM_CLOSED", 82);
const NOT_MCP = failure(502, "UPSTREAM_NOT_MCP", 83);
const HTTP_ERROR = failure(502, "UPSTREAM_HTTP_ERROR", 85);

describe.each(FACES)("an MCP server that fails, seen at the $name", (face) => {
  it.each([
    ["closes in mid-JSON", "closes-json", CLOSED],
    ["answers HTML", "html", NOT_MCP],
    ["answers 500", "status-500", HTTP_ERROR],
    ["answers 500 in JSON that is no JSON-RPC", "status-500-json", HTTP_ERROR],
    ["wants other credentials", "status-401", HTTP_ERROR],
    ["redirects", "redirects", HTTP_ERROR],
    ["answers broken JSON", "broken-json", NOT_MCP],
    ["answers JSON that is no JSON-RPC", "no-json-rpc", NOT_MCP],
    ["does not speak HTTP", "no-http", NOT_MCP],
  ])("%s", async (_what, fault, expected) => {
    const server = await makeServer(admin, { url: upstream.url(fault) });
    const answer = await work(face, server);
    expectRefusal(face, answer, expected);
    expect(answer.text).toContain(server);
    // What a broken server says may hold secrets, and is of no use to an agent.
    expect(answer.text).not.toContain("hunter2");
    expect(answer.headers.get("location")).toBeNull();
    expect(answer.headers.get("www-authenticate")).toBeNull();
    expect(await recordOf(answer.headers.get("x-request-id"))).toMatchObject({
      mcp_server: server,
      status: "error",
      outcome: "upstream_error",
      reason: expected.reason,
      http_status: 502,
      cost: 0,
    });
    const labels = { server, status: "error" };
    await waitFor("gateway_requests_total counts it", 5_000, async () =>
      (await counterOf(stack.gatewayUrl, "gateway_requests_total", labels)) === 1
        ? true
        : undefined,
    );
  });

  it("is down", async () => {
    const server = await makeServer(admin, { url: await refusingUrl() });
    const answer = await work(face, server);
    expectRefusal(face, answer, UNREACHABLE);
    expect(answer.text).toContain("ECONNREFUSED");
    expect(await recordOf(answer.headers.get("x-request-id"))).toMatchObject({
      outcome: "upstream_error",
      reason: "UPSTREAM_UNREACHABLE",
    });
  });

  it("is too slow", async () => {
    const server = await makeServer(admin, { url: upstream.url("silent"), timeoutMs: 500 });
    const began = performance.now();
    const answer = await work(face, server);
    expectRefusal(face, answer, TIMEOUT);
    expect(performance.now() - began).toBeLessThan(2_500);
    expect(await recordOf(answer.headers.get("x-request-id"))).toMatchObject({
      status: "timeout",
      outcome: "timeout",
      reason: "UPSTREAM_TIMEOUT",
      http_status: 504,
      attempts: 1,
    });
  });
});

describe("an MCP server that closes its event stream before the answer", () => {
  it.each([
    ["cutting the connection", "closes-sse"],
    ["in good order", "ends-sse"],
  ])("is told to the agent on the same stream: %s", async (_how, fault) => {
    const answer = await work(MCP, await makeServer(admin, { url: upstream.url(fault) }));
    // Its first event was passed on at once, and with it the status.
    expect(answer.status).toBe(200);
    const [progress, error] = eventsOf(answer.text);
    const requestId = answer.headers.get("x-request-id");
    expect(progress).toMatchObject({ method: "notifications/progress" });
    expect(error).toEqual({
      jsonrpc: "2.0",
      id: "w-1",
      error: {
        code: 1082,
        message: expect.any(String),
        data: { reason: "UPSTREAM_CLOSED", request_id: requestId },
      },
    });
    expect(await recordOf(requestId)).toMatchObject({
      outcome: "upstream_error",
      reason: "UPSTREAM_CLOSED",
    });
  });

  it.each(["closes-sse", "ends-sse"])(
    "is a 502 at the façade, which does not stream: %s",
    async (fault) => {
      const server = await makeServer(admin, { url: upstream.url(fault) });
      expectRefusal(FACADE, await work(FACADE, server), CLOSED);
    },
  );
});

describe("an MCP server that closes after much of a JSON answer", () => {
  it("breaks the agent's connection as well: a cut answer must not look whole", async () => {
    const server = await makeServer(admin, { url: upstream.url("closes-long-json") });
    await expect(work(MCP, server)).rejects.toThrow();
    const { calls } = await waitFor("the call is recorded", VISIBLE_MS, async () => {
      const answer = await send(`${stack.gatewayUrl}/v1/calls?mcp_server=${server}`, {
        headers: bearer(key),
      });
      const found = answer.json as { calls: Record<string, unknown>[] };
      return found.calls.length > 0 ? found : undefined;
    });
    expect(calls).toEqual([
      expect.objectContaining({ outcome: "upstream_error", reason: "UPSTREAM_CLOSED" }),
    ]);
  });
});

describe("a tool that fails by itself", () => {
  it("is the agent's to read, and recorded as a tool error", async () => {
    const answer = await callTool(stack, key, {
      server: "everything",
      tool: "no-such-tool",
      arguments: {},
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ result: { isError: true } });
    expect(answer.text).toContain("no-such-tool");
    expect(await recordOf(answer.headers.get("x-request-id"))).toMatchObject({
      outcome: "tool_error",
      status: "error",
      tool_name: expect.stringMatching(/^tool:[0-9a-f]+$/),
    });
  });
});

describe("an MCP server that fails again and again", () => {
  it("is left alone after five failures, and says so with Retry-After", async () => {
    const server = await makeServer(admin, { url: upstream.url("status-500") });
    const open = { ...failure(503, "UPSTREAM_CIRCUIT_OPEN", 84), rpcId: "w-1" };
    const answer = await waitFor("the breaker opens", 10_000, async () => {
      const given = await work(MCP, server);
      return given.status === 503 ? given : undefined;
    });
    expectRefusal(MCP, answer, open);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await recordOf(answer.headers.get("x-request-id"))).toMatchObject({
      outcome: "refused",
      reason: "UPSTREAM_CIRCUIT_OPEN",
      attempts: 0,
    });
    // Two workers, each with its own count of five.
    const failed = await counterOf(stack.gatewayUrl, "gateway_requests_total", {
      server,
      status: "error",
    });
    expect(failed).toBeGreaterThanOrEqual(5);
    expect(failed).toBeLessThanOrEqual(10);
  });
});

describe("a call that a control refuses", () => {
  it("is recorded when the server is unknown", async () => {
    const answer = await work(FACADE, "no-such-server");
    expect(answer.status).toBe(404);
    expect(await recordOf(answer.headers.get("x-request-id"))).toMatchObject({
      outcome: "refused",
      reason: "SERVER_UNKNOWN",
      http_status: 404,
      mcp_server: "",
      cost: 0,
      attempts: 0,
    });
  });

  it("is recorded when the key's scopes do not allow it, and the key hides what it may not reach", async () => {
    const narrow = (await makeKey(admin, { servers: ["everything"], tools: ["everything/echo"] }))
      .secret;
    const denied = await callTool(stack, narrow, {
      server: "everything",
      tool: "get-env",
      arguments: {},
    });
    expectRefusal(FACADE, denied, {
      status: 403,
      reason: "SCOPE_DENIED",
      code: "insufficient_permissions",
      rpcCode: 0,
    });
    expect(await recordOf(denied.headers.get("x-request-id"))).toMatchObject({
      outcome: "refused",
      reason: "SCOPE_DENIED",
    });
    const hidden = await callTool(stack, narrow, {
      server: "filesystem",
      tool: "list_directory",
      arguments: {},
    });
    expect(hidden.status).toBe(404);
    const allowed = await callTool(stack, narrow, {
      server: "everything",
      tool: "echo",
      arguments: { message: "x" },
    });
    expect(allowed.status).toBe(200);
  });
});

/** A URL at which nothing listens: the port was free a moment ago. */
async function refusingUrl(): Promise<string> {
  const [port] = await chooseFreePorts(1);
  return `http://127.0.0.1:${String(port)}/mcp`;
}
