import { status, type ClientReadableStream, type ServiceError } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { Face, Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { GatewayService } from "@gatewayops/proto/gatewayops/gateway/v1/gateway_service_pb";
import { REASONS } from "@gatewayops/platform/errors";
import { Redis } from "ioredis";
import { startLegacyServer } from "./conformance/fixtures/legacy-server.ts";
import type { LoopbackServer } from "./conformance/fixtures/loopback.ts";
import { startModernServer } from "./conformance/fixtures/modern-server.ts";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import { grpcJsClient, type GrpcClient, type GrpcMessage } from "./grpc-js-client.ts";
import { SERVER, startBench, type Bench, type BenchOptions } from "./worker-bench.ts";

const ERAS = ["legacy", "modern"] as const;
type Era = (typeof ERAS)[number];

let engine: OwnRedis;
const servers: Partial<Record<Era, LoopbackServer>> = {};
let benches: Bench[] = [];
let clients: GrpcClient[] = [];

beforeAll(async () => {
  engine = await startOwnRedis();
  servers.legacy = await startLegacyServer();
  servers.modern = await startModernServer();
}, 120_000);

afterAll(async () => {
  await servers.legacy?.close();
  await servers.modern?.close();
  await engine.stop();
});

afterEach(async () => {
  for (const client of clients) client.close();
  for (const bench of benches) await bench.close();
  benches = [];
  clients = [];
});

/** A gateway before a server of the test's choice, and a client that sends the key. */
async function connect(
  options: Omit<BenchOptions, "redisUrl">,
): Promise<{ bench: Bench; client: GrpcClient; metadata: { authorization: string } }> {
  const bench = await startBench({ redisUrl: engine.url, ...options });
  benches.push(bench);
  const client = grpcJsClient(GatewayService, bench.grpcAddress);
  clients.push(client);
  return { bench, client, metadata: { authorization: `Bearer ${bench.key}` } };
}

/** All events of a stream, to its end; rejects with its error. */
async function eventsOf(stream: ClientReadableStream<GrpcMessage>): Promise<GrpcMessage[]> {
  const events: GrpcMessage[] = [];
  for await (const event of stream) events.push(event as GrpcMessage);
  return events;
}

async function errorOf(work: Promise<unknown>): Promise<ServiceError> {
  return work.then(
    () => {
      throw new Error("It did not fail.");
    },
    (error: unknown) => error as ServiceError,
  );
}

function jsonOf(bytes: unknown): unknown {
  return JSON.parse((bytes as Buffer).toString("utf8"));
}

/** A map as grpc-js writes one of loaded descriptors: it takes the entries for messages, which they are on the wire. */
function mapOf(values: Readonly<Record<string, unknown>>): object[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}

function asJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

describe.each(ERAS)("grpc-js before a %s server", (era) => {
  async function start(scopes?: BenchOptions["scopes"]) {
    return connect({ upstreamUrl: servers[era]!.url, ...(scopes ? { scopes } : {}) });
  }

  it("lists tools, resources, templates and prompts, with their definitions as they are", async () => {
    const { client, metadata } = await start();
    const { tools, next_cursor } = await client.call("ListTools", { server: SERVER }, { metadata });
    const tool = (tools as GrpcMessage[]).find(({ name }) => name === "json_schema_2020_12_tool");
    expect(next_cursor).toBeUndefined();
    expect(tool).toMatchObject({
      description: "Has an input schema that uses the vocabulary of JSON Schema 2020-12.",
    });
    expect(jsonOf(tool!["json"])).toMatchObject({
      inputSchema: { $defs: { address: { $anchor: "addressDef" } }, additionalProperties: false },
    });
    const { resources } = await client.call("ListResources", { server: SERVER }, { metadata });
    expect((resources as GrpcMessage[]).map(({ uri }) => uri)).toContain("test://static-text");
    const { resource_templates: templates } = await client.call(
      "ListResourceTemplates",
      { server: SERVER },
      { metadata },
    );
    expect((templates as GrpcMessage[]).map(({ uri_template }) => uri_template)).toContain(
      "test://template/{id}/data",
    );
    const { prompts } = await client.call("ListPrompts", { server: SERVER }, { metadata });
    expect((prompts as GrpcMessage[]).map(({ name }) => name)).toContain("test_simple_prompt");
  });

  it("reads a resource, makes a prompt, completes an argument", async () => {
    const { client, metadata } = await start();
    const read = await client.call(
      "ReadResource",
      { server: SERVER, uri: "test://static-text" },
      { metadata },
    );
    expect(read).toMatchObject({
      outcome: "result",
      result: {
        contents: [{ uri: "test://static-text", mime_type: "text/plain", content: "text" }],
      },
    });
    const binary = await client.call(
      "ReadResource",
      { server: SERVER, uri: "test://static-binary" },
      { metadata },
    );
    const [{ blob }] = (binary["result"] as { contents: [{ blob: Buffer }] }).contents;
    // The first bytes of every PNG (PNG specification §5.2).
    expect([...blob.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
    const prompt = await client.call(
      "GetPrompt",
      {
        server: SERVER,
        name: "test_prompt_with_arguments",
        arguments: mapOf({ arg1: "hello", arg2: "world" }),
      },
      { metadata },
    );
    const [message] = (prompt["result"] as { messages: GrpcMessage[] }).messages;
    expect(message).toMatchObject({ role: "user" });
    expect(JSON.stringify(jsonOf(message!["content_json"]))).toContain("hello");
    const completion = await client.call(
      "Complete",
      { server: SERVER, prompt: "test_prompt_with_arguments", argument_name: "arg1" },
      { metadata },
    );
    expect((completion["values"] as string[]).length).toBeGreaterThan(0);
  });

  it("calls a tool; its answer is recorded with this face and the request id", async () => {
    const { bench, client, metadata } = await start();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const stream = client.stream(
      "CallTool",
      { server: SERVER, name: "test_simple_text" },
      { metadata: { ...metadata, traceparent } },
    );
    const headers = new Promise<Record<string, unknown>>((resolve) => {
      stream.on("metadata", (given) => {
        resolve(given.getMap());
      });
    });
    expect(await eventsOf(stream)).toMatchObject([
      {
        event: "result",
        result: {
          text: "This is a simple text response for testing.",
          is_error: false,
          result_type: "complete",
        },
      },
    ]);
    expect(await headers).toMatchObject({
      "x-request-id": expect.stringMatching(/^req_[0-9a-f]{32}$/),
      "x-trace-id": "0af7651916cd43dd8448eb211c80319c",
      "x-ratelimit-limit": expect.stringMatching(/^[0-9]+$/),
    });
    const [record] = bench.records();
    const requestId = `req_${Buffer.from(record!.intent!.callId).toString("hex")}`;
    expect(record).toMatchObject({ outcome: Outcome.OK, intent: { face: Face.GRPC } });
    expect((await headers)["x-request-id"]).toBe(requestId);
  });

  it("tells of a tool that failed in its result", async () => {
    const { bench, client, metadata } = await start();
    const call = { server: SERVER, name: "test_error_handling" };
    expect(await eventsOf(client.stream("CallTool", call, { metadata }))).toMatchObject([
      {
        result: { is_error: true, text: "This tool intentionally returns an error for testing" },
      },
    ]);
    expect(bench.records()[0]?.outcome).toBe(Outcome.TOOL_ERROR);
  });

  it("brings progress while the tool runs, and log messages to who wants them", async () => {
    const { client, metadata } = await start();
    const arrived: number[] = [];
    const stream = client.stream(
      "CallTool",
      { server: SERVER, name: "test_tool_with_progress" },
      { metadata },
    );
    stream.on("data", () => arrived.push(performance.now()));
    expect(await eventsOf(stream)).toMatchObject([
      { event: "progress", progress: { progress: 0, total: 100 } },
      { event: "progress", progress: { progress: 50, total: 100 } },
      { event: "progress", progress: { progress: 100, total: 100 } },
      { event: "result", result: { text: "Tool with progress has completed." } },
    ]);
    // The tool takes 50 ms from one step to the next.
    expect(arrived[2]! - arrived[0]!).toBeGreaterThan(50);
    const logging = { server: SERVER, name: "test_tool_with_logging" };
    const silent = await eventsOf(client.stream("CallTool", logging, { metadata }));
    expect(silent.map(({ event }) => event)).toEqual(["result"]);
    const caller = { log_level: "info" };
    const told = await eventsOf(client.stream("CallTool", { ...logging, caller }, { metadata }));
    expect(told.map(({ event }) => event)).toEqual(["log", "log", "log", "result"]);
    expect(told[0]).toMatchObject({ log: { level: "info" } });
  });

  it("is asked, and goes on with the answers and the state", async () => {
    const { bench, client, metadata } = await start();
    const call = { server: SERVER, name: "test_input_required_result_multi_round" };
    const capabilities_json = asJson({ elicitation: { form: {} } });
    let caller: GrpcMessage = { capabilities_json };
    const asked: string[] = [];
    let events: GrpcMessage[] = [];
    for (let round = 0; round < 3; round++) {
      events = await eventsOf(client.stream("CallTool", { ...call, caller }, { metadata }));
      const required = events.at(-1)!["input_required"] as GrpcMessage | undefined;
      if (!required) break;
      const requests = jsonOf(required["input_requests_json"]) as Record<
        string,
        { params: { message: string } }
      >;
      const answers = Object.keys(requests).map((key) => [
        key,
        { action: "accept", content: { name: "Ada", color: "green" } },
      ]);
      asked.push(...Object.values(requests).map(({ params }) => params.message));
      caller = {
        capabilities_json,
        input_responses_json: asJson(Object.fromEntries(answers)),
        request_state: required["request_state"],
      };
    }
    expect(asked).toEqual(["Step 1: What is your name?", "Step 2: What is your favorite color?"]);
    expect(events).toMatchObject([{ result: { text: "Ada likes green." } }]);
    expect(bench.records().map(({ outcome }) => outcome)).toEqual([
      Outcome.OK,
      Outcome.OK,
      Outcome.OK,
    ]);
  });

  it("refuses what the key's scopes do not name, as the table of reasons has it", async () => {
    const { bench, client, metadata } = await start({ tools: [`${SERVER}/test_simple_text`] });
    const denied = await errorOf(
      eventsOf(
        client.stream("CallTool", { server: SERVER, name: "test_error_handling" }, { metadata }),
      ),
    );
    expect(denied.code).toBe(status.PERMISSION_DENIED);
    expect(denied.metadata.get("x-gwo-reason")).toEqual(["SCOPE_DENIED"]);
    expect(denied.metadata.get("x-request-id")).toEqual([expect.stringMatching(/^req_/)]);
    const [record] = bench.records();
    expect(record).toMatchObject({
      outcome: Outcome.REFUSED,
      reason: REASONS.SCOPE_DENIED.number,
      intent: { face: Face.GRPC },
    });
  });

  it("refuses unknown servers and bad requests", async () => {
    const { client, metadata } = await start();
    const elsewhere = await errorOf(client.call("ListTools", { server: "nope" }, { metadata }));
    expect(elsewhere.code).toBe(status.NOT_FOUND);
    expect(elsewhere.metadata.get("x-gwo-reason")).toEqual(["SERVER_UNKNOWN"]);
    const call = { server: SERVER, name: "test_simple_text" };
    for (const bad of [
      { ...call, name: "" },
      { ...call, arguments_json: Buffer.from("[]") },
      { ...call, arguments_json: Buffer.from('{},"name":"test_error_handling"') },
      { ...call, arguments_json: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) },
      { ...call, caller: { capabilities_json: Buffer.from("no JSON") } },
      { ...call, caller: { meta_json: asJson({ progressToken: 1 }) } },
      { ...call, caller: { request_state: "made up" } },
    ]) {
      const error = await errorOf(eventsOf(client.stream("CallTool", bad, { metadata })));
      expect(error.code).toBe(status.INVALID_ARGUMENT);
    }
    const unknown = await errorOf(
      eventsOf(client.stream("CallTool", { server: SERVER, name: "no_such_tool" }, { metadata })),
    );
    expect(unknown.details).toContain("no_such_tool");
  });

  it("refuses callers without a key", async () => {
    const { client } = await start();
    const error = await errorOf(client.call("ListTools", { server: SERVER }));
    expect(error.code).toBe(status.UNAUTHENTICATED);
    expect(error.metadata.get("x-gwo-reason")).toEqual(["CREDENTIALS_MISSING"]);
  });
});

describe("a call that one worker holds", () => {
  it("goes on when another is asked", async () => {
    const first = await connect({ upstreamUrl: servers.legacy!.url });
    const second = await connect({ upstreamUrl: servers.legacy!.url });
    const redis = new Redis(engine.url);
    // Those of other tests have said goodbye.
    await until("both workers are known", async () => {
      return (await redis.keys("gwo:{peers}:worker:*")).length === 2;
    });
    redis.disconnect();
    const call = { server: SERVER, name: "test_input_required_result_elicitation" };
    const capabilities_json = asJson({ elicitation: { form: {} } });
    const { metadata } = first;
    const [event] = await eventsOf(
      first.client.stream("CallTool", { ...call, caller: { capabilities_json } }, { metadata }),
    );
    const asked = event!["input_required"] as GrpcMessage;
    const [key] = Object.keys(jsonOf(asked["input_requests_json"]) as object);
    const answers = { [key!]: { action: "accept", content: { name: "Ada" } } };
    const caller = {
      capabilities_json,
      input_responses_json: asJson(answers),
      request_state: asked["request_state"],
    };
    expect(
      await eventsOf(second.client.stream("CallTool", { ...call, caller }, { metadata })),
    ).toMatchObject([{ result: { text: "Hello, Ada!" } }]);
    expect(first.bench.records()).toHaveLength(2);
    expect(second.bench.records()).toHaveLength(0);
    // What went on once does not go on again.
    const again = await errorOf(
      eventsOf(second.client.stream("CallTool", { ...call, caller }, { metadata })),
    );
    expect(again.metadata.get("x-gwo-reason")).toEqual(["CALL_LOST"]);
    expect(again.code).toBe(status.ABORTED);
    // Its owner says so, and has the record.
    const refused = first.bench.records().at(-1)!;
    const requestId = `req_${Buffer.from(refused.intent!.callId).toString("hex")}`;
    expect(refused.reason).toBe(REASONS.CALL_LOST.number);
    expect(again.metadata.get("x-request-id")).toEqual([requestId]);
  });
});

/** A server of an era whose tools never answer. */
function hangingServer(era: Era): {
  upstream: NonNullable<BenchOptions["upstream"]>;
  calls: () => number;
  closed: () => number;
} {
  let [calls, closed] = [0, 0];
  return {
    calls: () => calls,
    closed: () => closed,
    upstream: (message, response) => {
      const answer = (result: object): void => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ jsonrpc: "2.0", id: message.id, result }));
      };
      if (message.method === "tools/call") {
        calls++;
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.flushHeaders();
        response.on("close", () => closed++);
      } else if (message.method === "server/discover" && era === "modern") {
        answer({ supportedVersions: ["2026-07-28"], capabilities: {}, resultType: "complete" });
      } else if (message.method === "initialize") {
        answer({
          protocolVersion: "2025-11-25",
          capabilities: {},
          serverInfo: { name: "hanging", version: "1.0.0" },
        });
      } else if (message.method === "tools/list") answer({ tools: [] });
      else response.writeHead(message.id === undefined ? 202 : 404).end();
    },
  };
}

describe.each(ERAS)("a tool of a %s server that does not answer", (era) => {
  it.each(["cancels", "has a deadline"])("is given up when the caller %s", async (how) => {
    const server = hangingServer(era);
    const { bench, client, metadata } = await connect({ upstream: server.upstream });
    const stream = client.stream(
      "CallTool",
      { server: SERVER, name: "slow" },
      how === "cancels" ? { metadata } : { metadata, timeoutMs: 1_000 },
    );
    const failed = errorOf(eventsOf(stream));
    await until("the server has the call", () => server.calls() === 1);
    if (how === "cancels") stream.cancel();
    const { code } = await failed;
    expect(code).toBe(how === "cancels" ? status.CANCELLED : status.DEADLINE_EXCEEDED);
    await until("the server's stream is closed", () => server.closed() === 1);
    const cancellations = (): string[] =>
      bench.received
        .map(({ body }) => body)
        .filter((body) => body.includes("notifications/cancelled"));
    if (era === "legacy") {
      const { id } = JSON.parse(
        bench.received.find(({ body }) => body.includes("tools/call"))!.body,
      ) as { id: string };
      await until("the server is told", () => cancellations().length === 1);
      expect(JSON.parse(cancellations()[0]!)).toMatchObject({ params: { requestId: id } });
    } else expect(cancellations()).toEqual([]);
    await until("the call is recorded", () => bench.records().length === 1);
    expect(bench.records()[0]).toMatchObject({
      outcome: Outcome.CANCELLED,
      reason: REASONS.CLIENT_GONE.number,
    });
  });
});

describe("what reaches the server", () => {
  async function argumentsSent(given: object): Promise<string> {
    const { bench, client, metadata } = await connect({});
    await eventsOf(
      client.stream("CallTool", { server: SERVER, name: "echo", ...given }, { metadata }),
    );
    const { body } = bench.received.find((one) => one.body.includes("tools/call"))!;
    return body;
  }

  it("are the bytes of arguments_json, big integers and all", async () => {
    const json = '{"id": 9007199254740993, "x":1.10}';
    expect(await argumentsSent({ arguments_json: Buffer.from(json) })).toContain(
      `"arguments":${json}`,
    );
  });

  it("is arguments_struct as JSON", async () => {
    const fields = mapOf({ text: { string_value: "Grüße" }, on: { bool_value: true } });
    const sent = JSON.parse(await argumentsSent({ arguments_struct: { fields } })) as {
      params: { arguments: object };
    };
    expect(sent.params.arguments).toEqual({ text: "Grüße", on: true });
  });
});

describe("limits", () => {
  it("refuses a call too many, and says when to come again", async () => {
    const { client, metadata } = await connect({ scopes: { rateRps: 1, rateBurst: 1 } });
    const call = { server: SERVER, name: "echo" };
    await eventsOf(client.stream("CallTool", call, { metadata }));
    const error = await errorOf(eventsOf(client.stream("CallTool", call, { metadata })));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(error.metadata.get("x-gwo-reason")).toEqual(["RATE_LIMITED"]);
    expect(error.metadata.get("retry-after")).toEqual(["1"]);
    expect(error.metadata.get("x-ratelimit-limit")).toEqual(["1"]);
  });
});
