import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  TraceService,
  type TailTracesRequest,
  type TailTracesResponse,
} from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { Registry } from "prom-client";
import { Failure } from "../src/errors.ts";
import { createLogger } from "../src/log.ts";
import type { Caller } from "../src/rpc/caller.ts";
import { failureFromConnect } from "../src/rpc/errors.ts";
import { startRpcServer, type RpcServer } from "../src/rpc/server.ts";

const log = createLogger({ service: "test", level: "silent", format: "json", maskSensitive: true });
const GOOD = { authorization: "Bearer good" };

let server: RpcServer;
let registry: Registry;
/** Messages of the stream, each the skipped calls of one; then what ends it. */
let tail: (request: TailTracesRequest, signal: AbortSignal) => AsyncIterable<number>;
let permissions: ReadonlySet<string>;
let orgId: string;

beforeEach(async () => {
  permissions = new Set(["traces:read"]);
  orgId = "org";
  registry = new Registry();
  server = await startRpcServer({
    services: [TraceService],
    routes: (router) => {
      router.service(TraceService, {
        async *tailTraces(request, { signal }) {
          for await (const skippedCalls of tail(request, signal)) yield { skippedCalls };
        },
      });
    },
    authenticate: (headers) => {
      if (headers.get("authorization") === null) return Promise.resolve(undefined);
      return Promise.resolve({
        ...{ orgId, orgName: "Acme", userId: "", keyId: "key", email: "", name: "agent", role: "" },
        permissions,
        expireTime: undefined,
      } satisfies Caller);
    },
    internalSecret: "0123456789abcdef0123456789abcdef",
    host: "127.0.0.1",
    httpPort: 0,
    grpcPort: 0,
    notReady: () => Promise.resolve([]),
    log,
    registry,
  });
});

afterEach(() => server.close());

const httpUrl = (): string => `http://127.0.0.1:${server.httpPort}`;
const grpcUrl = (): string => `http://127.0.0.1:${server.grpcPort}`;

const TRANSPORTS: [string, () => Transport][] = [
  ["Connect", () => createConnectTransport({ baseUrl: httpUrl(), httpVersion: "1.1" })],
  ["gRPC", () => createGrpcTransport({ baseUrl: grpcUrl() })],
  ["gRPC-Web", () => createGrpcWebTransport({ baseUrl: httpUrl(), httpVersion: "1.1" })],
];

async function* numbers(...values: number[]): AsyncGenerator<number> {
  for (const value of values) yield await Promise.resolve(value);
}

/** A message every 20 ms, for ever. */
async function* forever(signal: AbortSignal): AsyncGenerator<number> {
  for (let i = 0; !signal.aborted; i += 1) {
    yield i;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function get(path: string, headers: Record<string, string> = GOOD): Promise<Response> {
  return fetch(`${httpUrl()}${path}`, { headers });
}

async function all(stream: AsyncIterable<TailTracesResponse>): Promise<number[]> {
  const seen: number[] = [];
  for await (const { skippedCalls } of stream) seen.push(skippedCalls);
  return seen;
}

describe("a method that streams its answer", () => {
  describe.each(TRANSPORTS)("by %s", (_, transport) => {
    const client = () => createClient(TraceService, transport());

    it("yields every message", async () => {
      tail = () => numbers(1, 2, 3);
      expect(await all(client().tailTraces({}, { headers: GOOD }))).toEqual([1, 2, 3]);
    });

    it("refuses whoever may not call it, and what breaks the rules of its fields", async () => {
      tail = () => numbers(1);
      await expect(all(client().tailTraces({}))).rejects.toMatchObject({
        code: Code.Unauthenticated,
      });
      const wrong = client().tailTraces({ outcome: "fine" }, { headers: GOOD });
      await expect(all(wrong)).rejects.toThrow("outcome");
      permissions = new Set();
      await expect(all(client().tailTraces({}, { headers: GOOD }))).rejects.toMatchObject({
        code: Code.PermissionDenied,
      });
    });

    it("ends with a failure that happens within, in our words", async () => {
      tail = async function* () {
        yield* numbers(1);
        throw new Failure("STORE_UNAVAILABLE", "ClickHouse cannot be reached.");
      };
      const stream = all(client().tailTraces({}, { headers: GOOD }));
      const error = await stream.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ConnectError);
      expect(failureFromConnect(error)).toMatchObject({
        reason: "STORE_UNAVAILABLE",
        message: "ClickHouse cannot be reached.",
      });
      expect(await registry.metrics()).toContain('status="STORE_UNAVAILABLE"');
    });

    it("hides what a bug says", async () => {
      tail = async function* () {
        yield* numbers(1);
        throw new Error("the password is sesame");
      };
      const stream = all(client().tailTraces({}, { headers: GOOD }));
      await expect(stream).rejects.toThrow("An internal error happened.");
    });

    it("ends soon after its caller lost the permission, or is somebody else's", async () => {
      tail = (_request, signal) => forever(signal);
      const changes: [() => void, Code][] = [
        [() => (permissions = new Set(["costs:read"])), Code.PermissionDenied],
        [() => (orgId = "another"), Code.Unauthenticated],
      ];
      for (const [change, code] of changes) {
        const stream = client().tailTraces({}, { headers: GOOD });
        let count = 0;
        const read = async (): Promise<void> => {
          for await (const message of stream) {
            if (message.skippedCalls === 2) change();
            count += 1;
          }
        };
        await expect(read()).rejects.toMatchObject({ code });
        permissions = new Set(["traces:read"]);
        // 20 ms apart, and looked at every second.
        expect(count).toBeLessThan(100);
      }
    });

    it("hears that its reader hung up", async () => {
      let ended: (() => void) | undefined;
      const heard = new Promise<void>((resolve) => (ended = resolve));
      tail = (_request, signal) => {
        signal.addEventListener("abort", () => ended?.());
        return forever(signal);
      };
      const hangUp = new AbortController();
      const stream = client().tailTraces({}, { headers: GOOD, signal: hangUp.signal });
      const messages = stream[Symbol.asyncIterator]();
      await messages.next();
      hangUp.abort();
      await heard;
    });
  });

  describe("by REST", () => {
    it("sends one JSON object a line, at once", async () => {
      let goOn: () => void = () => undefined;
      const rest = new Promise<void>((resolve) => (goOn = resolve));
      tail = async function* () {
        yield 1;
        await rest;
        yield 2;
      };
      const response = await get("/v1/traces/tail?outcome=ok&min_cost=0.25");
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("application/jsonl");
      expect(response.headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      // The first line is here while the second is not made yet.
      const first = await reader.read();
      expect(JSON.parse(String(first.value))).toMatchObject({ calls: [], skipped_calls: 1 });
      goOn();
      expect(JSON.parse(String((await reader.read()).value))).toMatchObject({ skipped_calls: 2 });
      expect((await reader.read()).done).toBe(true);
    });

    it("refuses in the error shape, before the stream begins", async () => {
      tail = () => numbers(1);
      expect((await get("/v1/traces/tail", {})).status).toBe(401);
      const invalid = await get("/v1/traces/tail?face=smile");
      expect(invalid.status).toBe(400);
      expect(await invalid.json()).toMatchObject({ error: { reason: "REQUEST_INVALID" } });
      tail = () => {
        throw new Failure("RATE_LIMITED", "Too many streams.", { retryAfterMs: 10_000 });
      };
      const limited = await get("/v1/traces/tail");
      expect(limited.status).toBe(429);
      expect(limited.headers.get("retry-after")).toBe("10");
    });

    it("ends with a line in the error shape when it fails later", async () => {
      tail = async function* () {
        yield* numbers(1);
        throw new Failure("STORE_UNAVAILABLE", "ClickHouse cannot be reached.");
      };
      const lines = (await (await get("/v1/traces/tail")).text()).trimEnd().split("\n");
      expect(lines).toHaveLength(2);
      expect(JSON.parse(lines[1] ?? "")).toMatchObject({
        error: { reason: "STORE_UNAVAILABLE", message: "ClickHouse cannot be reached." },
      });
    });

    it("hears that its reader hung up", async () => {
      let ended: (() => void) | undefined;
      const heard = new Promise<void>((resolve) => (ended = resolve));
      tail = (_request, signal) => {
        signal.addEventListener("abort", () => ended?.());
        return forever(signal);
      };
      const hangUp = new AbortController();
      const response = await fetch(`${httpUrl()}/v1/traces/tail`, {
        headers: GOOD,
        signal: hangUp.signal,
      });
      await response.body?.getReader().read();
      hangUp.abort();
      await heard;
    });
  });
});
