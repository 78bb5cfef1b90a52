import { connect } from "node:net";
import {
  Code,
  ConnectError,
  createClient,
  type ConnectRouter,
  type HandlerContext,
  type Transport,
} from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  InternalCostService,
  PriceService,
  type CreatePriceRuleRequest,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { Registry } from "prom-client";
import { Failure } from "../src/errors.ts";
import { createLogger } from "../src/log.ts";
import { INTERNAL_HEADER } from "../src/rpc/access.ts";
import { requireCaller, type Caller } from "../src/rpc/caller.ts";
import { createInternalClient } from "../src/rpc/client.ts";
import { startRpcServer, type RpcServer } from "../src/rpc/server.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const log = createLogger({
  service: "test",
  level: "silent",
  format: "json",
  maskSensitive: false,
});
const CALLER: Caller = {
  orgId: "org",
  orgName: "Acme",
  userId: "",
  keyId: "key",
  email: "",
  name: "agent",
  role: "",
  permissions: new Set(["prices:*"]),
  expireTime: undefined,
};

let server: RpcServer;
let registry: Registry;
let problems: string[];
/** Run for CreatePriceRule. */
let create: (request: CreatePriceRuleRequest, context: HandlerContext) => void | Promise<void>;

beforeEach(async () => {
  registry = new Registry();
  problems = [];
  create = () => undefined;
  server = await startRpcServer({
    services: [PriceService, InternalCostService],
    routes: (router: ConnectRouter) => {
      router.service(PriceService, {
        createPriceRule: async (request, context) => {
          await create(request, context);
          return {
            priceRule: {
              id: requireCaller(context).orgId,
              server: request.server,
              tool: request.tool,
              perCallUsdMicros: request.perCallUsdMicros,
            },
          };
        },
        listPriceRules: ({ limit }) => ({ items: [], cursor: String(limit), hasMore: true }),
        deletePriceRule: () => {
          throw new Failure("NOT_FOUND", "There is no such rule.");
        },
      });
      router.service(InternalCostService, { getPriceBook: () => ({ rules: [] }) });
    },
    authenticate: (headers) => {
      const given = headers.get("authorization");
      if (given === null) return Promise.resolve(undefined);
      if (given !== "Bearer good")
        return Promise.reject(new Failure("KEY_INVALID", "The API key is not valid."));
      return Promise.resolve(CALLER);
    },
    internalSecret: SECRET,
    host: "127.0.0.1",
    httpPort: 0,
    grpcPort: 0,
    notReady: () => Promise.resolve(problems),
    log,
    registry,
  });
});

afterEach(() => server.close());

const httpUrl = (): string => `http://127.0.0.1:${server.httpPort}`;
const grpcUrl = (): string => `http://127.0.0.1:${server.grpcPort}`;
const GOOD = { authorization: "Bearer good" };
const RULE = { server: "files", tool: "read", perCallUsdMicros: 1_500_000n };

const TRANSPORTS: [string, () => Transport][] = [
  [
    "Connect over HTTP/1.1",
    () => createConnectTransport({ baseUrl: httpUrl(), httpVersion: "1.1" }),
  ],
  ["Connect over HTTP/2", () => createConnectTransport({ baseUrl: grpcUrl(), httpVersion: "2" })],
  ["gRPC", () => createGrpcTransport({ baseUrl: grpcUrl() })],
  ["gRPC-Web", () => createGrpcWebTransport({ baseUrl: httpUrl(), httpVersion: "1.1" })],
];

type RestError = {
  error: {
    code: string;
    message: string;
    details: { field: string; message: string }[];
    reason: string;
    request_id: string;
  };
};

async function rest(
  method: string,
  path: string,
  options: { body?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; headers: Headers; json: unknown }> {
  const response = await fetch(`${httpUrl()}${path}`, {
    method,
    headers: {
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...(options.headers ?? GOOD),
    },
    ...(options.body === undefined ? {} : { body: options.body }),
  });
  return { status: response.status, headers: response.headers, json: await response.json() };
}

describe("one method over every protocol", () => {
  it.each(TRANSPORTS)("is served over %s", async (_, transport) => {
    const client = createClient(PriceService, transport());
    const { priceRule } = await client.createPriceRule(RULE, { headers: GOOD });
    expect(priceRule).toMatchObject({ ...RULE, id: "org" });
  });

  it("is served over REST", async () => {
    const { status, headers, json } = await rest("POST", "/v1/prices", {
      body: '{"server":"files","tool":"read","per_call":1.5}',
    });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      price_rule: { id: "org", server: "files", tool: "read", per_call: 1.5 },
    });
    expect(headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
  });

  it.each(TRANSPORTS)(
    "fails with its code, message and request id over %s",
    async (_, transport) => {
      const client = createClient(PriceService, transport());
      const error = await client
        .deletePriceRule({ id: "00000000-0000-4000-8000-000000000000" }, { headers: GOOD })
        .then(
          () => undefined,
          (thrown: unknown) => ConnectError.from(thrown),
        );
      expect(error?.code).toBe(Code.NotFound);
      expect(error?.rawMessage).toBe("There is no such rule.");
      expect(error?.metadata.get("x-gwo-reason")).toBe("NOT_FOUND");
      expect(error?.metadata.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
    },
  );
});

describe("REST errors", () => {
  it("have the specification's shape", async () => {
    const { status, headers, json } = await rest(
      "DELETE",
      "/v1/prices/00000000-0000-4000-8000-000000000000",
    );
    expect(status).toBe(404);
    expect(json).toEqual({
      error: {
        code: "not_found",
        message: "There is no such rule.",
        details: [],
        reason: "NOT_FOUND",
        request_id: headers.get("x-request-id"),
      },
    });
  });

  it("name every field that breaks its rules", async () => {
    const { status, json } = await rest("POST", "/v1/prices", {
      body: '{"server":"Not A Name","tool":"","per_call":5000}',
    });
    expect(status).toBe(400);
    const { error } = json as RestError;
    expect(error.code).toBe("validation_error");
    expect(error.details.map(({ field }) => field).sort()).toEqual(["per_call", "server", "tool"]);
    expect(JSON.stringify(json)).not.toMatch(/usd_micros|regex|pattern/);
    for (const { field, message } of error.details)
      expect(error.message).toContain(`${field}: ${message}`);
  });

  it("are told over Connect in the words of the .proto", async () => {
    const transport = createConnectTransport({ baseUrl: httpUrl(), httpVersion: "1.1" });
    const client = createClient(PriceService, transport);
    const refused = client.createPriceRule(
      { server: "*", tool: "*", perCallUsdMicros: -1n },
      { headers: GOOD },
    );
    await expect(refused).rejects.toThrow(
      "per_call_usd_micros: must be a whole number from 0 to 1000000000",
    );
  });

  it("name a field that does not exist", async () => {
    const { json } = await rest("POST", "/v1/prices", { body: '{"sever":"x"}' });
    expect((json as RestError).error.details.map(({ field }) => field)).toEqual(["sever"]);
  });

  it.each([
    ["no credentials", "GET", "/v1/prices", {}, undefined, 401, "CREDENTIALS_MISSING"],
    ["bad credentials", "GET", "/v1/prices", { authorization: "x" }, undefined, 401, "KEY_INVALID"],
    ["a wrong path", "GET", "/v1/nothing", GOOD, undefined, 404, "NOT_FOUND"],
    ["a wrong verb", "PUT", "/v1/prices", GOOD, "{}", 405, "METHOD_NOT_ALLOWED"],
    ["a body that is no JSON", "POST", "/v1/prices", GOOD, "{", 400, "REQUEST_MALFORMED"],
    ["a body that is no object", "POST", "/v1/prices", GOOD, "[]", 400, "REQUEST_INVALID"],
    ["a wrong query", "GET", "/v1/prices?limt=1", GOOD, undefined, 400, "REQUEST_INVALID"],
    [
      "a query out of bounds",
      "GET",
      "/v1/prices?limit=201",
      GOOD,
      undefined,
      400,
      "REQUEST_INVALID",
    ],
  ])("%s", async (_, method, path, headers, body, status, reason) => {
    const answer = await rest(method, path, {
      headers: headers,
      ...(body === undefined ? {} : { body }),
    });
    expect(answer.status).toBe(status);
    expect((answer.json as RestError).error.reason).toBe(reason);
    if (status === 401) expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  });

  it("refuse a body of another type, and one that is too large", async () => {
    const text = await fetch(`${httpUrl()}/v1/prices`, {
      method: "POST",
      headers: { ...GOOD, "content-type": "text/plain" },
      body: "{}",
    });
    expect(text.status).toBe(415);
    const large = await rest("POST", "/v1/prices", {
      body: `{"tool":"${"a".repeat(4 * 1024 * 1024)}"}`,
    });
    expect(large.status).toBe(413);
  });

  it("tell nothing of what went wrong inside", async () => {
    create = () => {
      throw new Error("password=4711");
    };
    const { status, json } = await rest("POST", "/v1/prices", {
      body: '{"server":"*","tool":"*"}',
    });
    expect(status).toBe(500);
    expect(JSON.stringify(json)).not.toContain("4711");
    expect((json as RestError).error.reason).toBe("INTERNAL");
  });

  it("say when to try again", async () => {
    create = () => {
      throw new Failure("STORE_UNAVAILABLE", "The store is away.", { retryAfterMs: 1_200 });
    };
    const { status, headers } = await rest("POST", "/v1/prices", {
      body: '{"server":"*","tool":"*"}',
    });
    expect(status).toBe(503);
    expect(headers.get("retry-after")).toBe("2");
  });

  it("survive a request target that is no URL", async () => {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(server.httpPort, "127.0.0.1");
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
      socket.on("close", () => {
        resolve(text);
      });
      socket.on("error", () => undefined);
      socket.end("GET // HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    });
    expect(answer).toMatch(/^HTTP\/1\.1 40[04]/);
  });
});

describe("internal methods", () => {
  it("are served to who knows the secret", async () => {
    const options = { baseUrl: grpcUrl() };
    const good = createInternalClient(InternalCostService, { ...options, internalSecret: SECRET });
    expect((await good.getPriceBook({ orgId: "o" })).rules).toEqual([]);
    const bad = createInternalClient(InternalCostService, { ...options, internalSecret: "x" });
    await expect(bad.getPriceBook({ orgId: "o" })).rejects.toMatchObject({
      code: Code.PermissionDenied,
    });
  });

  it("are not opened by a key", async () => {
    const response = await fetch(
      `${httpUrl()}/gatewayops.cost.v1.InternalCostService/GetPriceBook`,
      { method: "POST", headers: { ...GOOD, "content-type": "application/json" }, body: "{}" },
    );
    expect(response.status).toBe(403);
    expect(INTERNAL_HEADER).toBe("x-gwo-internal");
  });
});

describe("probes", () => {
  it("answer health, and readiness with what is missing", async () => {
    expect(await (await fetch(`${httpUrl()}/health`)).json()).toEqual({ status: "ok" });
    expect((await fetch(`${httpUrl()}/ready`)).status).toBe(200);
    problems.push("ClickHouse does not answer");
    const response = await fetch(`${httpUrl()}/ready`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      ready: false,
      problems: ["ClickHouse does not answer"],
    });
  });

  it("count requests by route and never by raw path", async () => {
    await rest("DELETE", "/v1/prices/00000000-0000-4000-8000-000000000000");
    const text = await (await fetch(`${httpUrl()}/metrics`)).text();
    expect(text).toContain(
      'http_server_requests_total{method="DELETE",path="/v1/prices/{id}",status="404"} 1',
    );
    expect(text).not.toContain("00000000-0000");
  });
});

describe("close", () => {
  it("lets what runs finish, and takes nothing new", async () => {
    const started = Promise.withResolvers<undefined>();
    const held = Promise.withResolvers<undefined>();
    create = async () => {
      started.resolve(undefined);
      await held.promise;
    };
    const running = rest("POST", "/v1/prices", { body: '{"server":"*","tool":"*"}' });
    await started.promise;
    const closing = server.close();
    await expect(fetch(`${httpUrl()}/health`)).rejects.toThrow();
    held.resolve(undefined);
    expect((await running).status).toBe(200);
    await closing;
  });
});
