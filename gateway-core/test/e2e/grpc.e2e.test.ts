import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Code, ConnectError } from "@connectrpc/connect";
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ApiKeyService } from "@gatewayops/proto/gatewayops/auth/v1/api_key_service_pb";
import { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { CostService, GroupBy } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";
import { GatewayService } from "@gatewayops/proto/gatewayops/gateway/v1/gateway_service_pb";
import { TraceService } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { grpcJsClient, type GrpcMessage } from "../grpc-js-client.ts";
import { makeKey, makeServer, setPrice, signIn } from "./control-plane.ts";
import { connectClient, grpcClient } from "./control-plane-clients.ts";
import { bearer, readStack, urlOf, waitFor } from "./stack.ts";

const stack = readStack();
const TODAY = new Date().toISOString().slice(0, 10);
const PERIOD = { start_date: TODAY, end_date: TODAY };

describe("the gRPC port", () => {
  const costs = grpcClient(CostService, stack);
  const traces = grpcClient(TraceService, stack);
  const keys = grpcClient(ApiKeyService, stack);
  const internal = grpcClient(InternalAuthService, stack);
  let reader: string;
  let plain: string;

  beforeAll(async () => {
    const admin = await signIn(stack);
    reader = (await makeKey(admin, { permissions: ["costs:read"] })).secret;
    plain = (await makeKey(admin)).secret;
  });

  afterAll(() => {
    for (const client of [costs, traces, keys, internal]) client.close();
  });

  async function statusOf(call: Promise<unknown>): Promise<{ code: number; details: string }> {
    const { code, details } = await call.then(
      () => ({ code: status.OK, details: "" }),
      (error: unknown) => error as ServiceError,
    );
    return { code, details };
  }

  it("answers a key that may ask", async () => {
    const answer = await costs.call("GetCostSummary", PERIOD, reader);
    expect(answer).toMatchObject({ summary: { period: { start: TODAY, end: TODAY } } });
  });

  it.each([
    ["without a key", undefined, status.UNAUTHENTICATED, /API key/],
    ["with a garbled key", "gwo_prod_garbled", status.UNAUTHENTICATED, /mistyped|not valid/],
  ] as const)("refuses a call %s", async (_how, key, code, details) => {
    expect(await statusOf(costs.call("GetCostSummary", PERIOD, key))).toEqual({
      code,
      details: expect.stringMatching(details),
    });
  });

  it("refuses a key that lacks the permission, and names it", async () => {
    expect(await statusOf(costs.call("GetCostSummary", PERIOD, plain))).toEqual({
      code: status.PERMISSION_DENIED,
      details: expect.stringContaining("costs:read"),
    });
    expect(await statusOf(keys.call("ListApiKeys", {}, reader))).toEqual({
      code: status.PERMISSION_DENIED,
      details: expect.stringContaining("api_keys:read"),
    });
  });

  it("refuses a request that breaks a field's rule, and names the field", async () => {
    const request = { start_date: "yesterday", end_date: TODAY };
    expect(await statusOf(costs.call("GetCostSummary", request, reader))).toEqual({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining("start_date"),
    });
  });

  it("says NOT_FOUND for a call that does not exist", async () => {
    const { secret } = await makeKey(await signIn(stack), { permissions: ["traces:read"] });
    const request = { request_id: `req_${"0".repeat(32)}` };
    expect((await statusOf(traces.call("GetCall", request, secret))).code).toBe(status.NOT_FOUND);
  });

  it("does not serve methods that are internal", async () => {
    const { code } = await statusOf(internal.call("ValidateKey", { key: stack.apiKey }, reader));
    expect(code).toBe(status.UNIMPLEMENTED);
  });

  it.each([
    ["service", "/gatewayops.nope.v1.NoService/Get"],
    ["method of a service", "/gatewayops.cost.v1.CostService/NoMethod"],
  ])("answers UNIMPLEMENTED for an unknown %s", async (_what, path) => {
    const client = new Client(new URL(stack.grpcUrl).host, credentials.createInsecure());
    const asBytes = (bytes: Buffer): Buffer => bytes;
    const code = await new Promise((resolve) => {
      client.makeUnaryRequest(
        path,
        asBytes,
        asBytes,
        Buffer.alloc(0),
        new Metadata(),
        { deadline: Date.now() + 5_000 },
        (error) => {
          resolve(error?.code);
        },
      );
    });
    client.close();
    expect(code).toBe(status.UNIMPLEMENTED);
  });
});

describe("a tool call over gRPC", () => {
  const traceId = randomBytes(16).toString("hex");
  const traces = grpcClient(TraceService, stack);
  const client = grpcJsClient(GatewayService, new URL(stack.grpcUrl).host);
  let key: { id: string; secret: string };
  let server: string;
  let requestId: string;

  beforeAll(async () => {
    const admin = await signIn(stack);
    key = await makeKey(admin, { permissions: ["traces:read", "costs:read"] });
    server = await makeServer(admin, { url: urlOf(stack, "mcp-everything") });
    await setPrice(admin, { server, tool: "get-sum", usd: "0.002501" });
    const stream = client.stream(
      "CallTool",
      { server, name: "get-sum", arguments_json: Buffer.from('{"a":2,"b":3}') },
      { metadata: { ...bearer(key.secret), traceparent: `00-${traceId}-00f067aa0ba902b7-01` } },
    );
    const metadata = once(stream, "metadata") as Promise<[Metadata]>;
    const events: GrpcMessage[] = [];
    for await (const event of stream) events.push(event as GrpcMessage);
    expect(events).toMatchObject([{ event: "result", result: { is_error: false } }]);
    expect((events[0]!["result"] as GrpcMessage)["text"]).toContain("5");
    requestId = String((await metadata)[0].get("x-request-id")[0]);
  });

  afterAll(() => {
    client.close();
    traces.close();
  });

  it("is found by its request id, with the face it came by", async () => {
    const call = await waitFor("the call's record", 10_000, async () => {
      const found = await traces.call("GetCall", { request_id: requestId }, key.secret);
      return found["call"] as GrpcMessage | undefined;
    });
    expect(call).toMatchObject({
      face: "grpc",
      trace_id: traceId,
      mcp_server: server,
      tool_name: "get-sum",
      outcome: "ok",
      cost_usd_micros: "2501",
    });
    const { trace } = await traces.call("GetTrace", { trace_id: traceId }, key.secret);
    expect(trace).toMatchObject({ id: traceId, call_count: 1 });
  });

  it("stands in the ledger", async () => {
    const costs = connectClient(CostService, stack, key.secret);
    const line = await waitFor("the call in the ledger", 10_000, async () => {
      const { breakdown } = await costs.getCostSummary({
        startDate: TODAY,
        endDate: TODAY,
        groupBy: GroupBy.KEY,
      });
      return breakdown.find(({ groupId }) => groupId === key.id);
    });
    expect([line.calls, line.costUsdMicros]).toEqual([1n, 2_501n]);
  });
});

describe("Connect on the HTTP port", () => {
  it("refuses a garbled key with Connect's own code", async () => {
    const client = connectClient(CostService, stack, "gwo_prod_garbled");
    const error = await client
      .getCostSummary({ startDate: TODAY, endDate: TODAY })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectError);
    expect((error as ConnectError).code).toBe(Code.Unauthenticated);
  });
});
