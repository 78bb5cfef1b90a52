import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { status, type ClientDuplexStream } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { GatewayService } from "@gatewayops/proto/gatewayops/gateway/v1/gateway_service_pb";
import { Health } from "@gatewayops/proto/grpc/health/v1/health_pb";
import { ServerReflection } from "@gatewayops/proto/grpc/reflection/v1/reflection_pb";
import { ServerReflection as ServerReflectionAlpha } from "@gatewayops/proto/grpc/reflection/v1alpha/reflection_pb";
import { failureFromConnect } from "@gatewayops/platform/rpc/errors";
import { startOwnRedis, type OwnRedis } from "./engine-redis.ts";
import {
  grpcJsClient,
  grpcJsClientOf,
  type GrpcClient,
  type GrpcMessage,
} from "./grpc-js-client.ts";
import { SERVER, startBench, type Bench } from "./worker-bench.ts";

let engine: OwnRedis;
let bench: Bench;
const clients: GrpcClient[] = [];

beforeAll(async () => {
  engine = await startOwnRedis();
}, 120_000);

afterAll(() => engine.stop());

beforeEach(async () => {
  bench = await startBench({ redisUrl: engine.url });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await bench.close();
});

function opened(client: GrpcClient): GrpcClient {
  clients.push(client);
  return client;
}

/** Asks one question after the other. */
async function asked(
  stream: ClientDuplexStream<object, GrpcMessage>,
  ...questions: object[]
): Promise<GrpcMessage[]> {
  const replies: GrpcMessage[] = [];
  for (const question of questions) stream.write(question);
  stream.end();
  for await (const reply of stream) replies.push(reply as GrpcMessage);
  return replies;
}

describe.each([
  ["v1", ServerReflection],
  ["v1alpha", ServerReflectionAlpha],
])("reflection %s", (_version, service) => {
  it("names all services of the port, those behind the gateway among them", async () => {
    const client = opened(grpcJsClient(service, bench.grpcAddress));
    const [reply] = await asked(client.duplex("ServerReflectionInfo"), { list_services: "" });
    const { service: services } = reply!["list_services_response"] as { service: GrpcMessage[] };
    expect(services.map(({ name }) => name).sort()).toEqual([
      "gatewayops.auth.v1.ApiKeyService",
      "gatewayops.auth.v1.McpServerService",
      "gatewayops.auth.v1.OrganizationService",
      "gatewayops.auth.v1.SessionService",
      "gatewayops.cost.v1.BudgetService",
      "gatewayops.cost.v1.CostService",
      "gatewayops.cost.v1.PriceService",
      "gatewayops.gateway.v1.GatewayService",
      "gatewayops.trace.v1.TraceService",
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
    ]);
  });

  it("says what it does not know, and goes on", async () => {
    const client = opened(grpcJsClient(service, bench.grpcAddress));
    const replies = await asked(
      client.duplex("ServerReflectionInfo"),
      { host: "h", file_containing_symbol: "no.such.Type" },
      { all_extension_numbers_of_type: "google.protobuf.MethodOptions" },
      {
        file_containing_extension: {
          containing_type: "google.protobuf.MethodOptions",
          extension_number: 50101,
        },
      },
    );
    expect(replies).toMatchObject([
      {
        valid_host: "h",
        original_request: { file_containing_symbol: "no.such.Type" },
        error_response: { error_code: status.NOT_FOUND },
      },
      // Ours, and that of google.api.http.
      { all_extension_numbers_response: { extension_number: [50101, 72295728] } },
      { message_response: "file_descriptor_response" },
    ]);
  });

  it("brings descriptors that a client which knows nothing can call by", async () => {
    const client = opened(grpcJsClient(service, bench.grpcAddress));
    const name = "gatewayops.gateway.v1.GatewayService";
    const [reply, again] = await asked(
      client.duplex("ServerReflectionInfo"),
      { file_containing_symbol: name },
      { file_by_filename: "gatewayops/gateway/v1/gateway_service.proto" },
    );
    const filesOf = (one: GrpcMessage | undefined): Buffer[] =>
      (one!["file_descriptor_response"] as { file_descriptor_proto: Buffer[] })
        .file_descriptor_proto;
    // What the stream has brought is not sent again.
    expect([filesOf(reply).length > 1, filesOf(again).length]).toEqual([true, 1]);
    const set = create(FileDescriptorSetSchema, {
      file: filesOf(reply)
        .map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes))
        .reverse(),
    });
    const reflected = opened(
      grpcJsClientOf(name, Buffer.from(toBinary(FileDescriptorSetSchema, set)), bench.grpcAddress),
    );
    const stream = reflected.stream(
      "CallTool",
      { server: SERVER, name: "echo" },
      { metadata: { authorization: `Bearer ${bench.key}` } },
    );
    const events: unknown[] = [];
    for await (const event of stream) events.push(event);
    expect(events).toMatchObject([{ event: "result", result: { is_error: false } }]);
  });
});

describe("grpc.health.v1", () => {
  it("says that the gateway and its services serve, without a key", async () => {
    const client = opened(grpcJsClient(Health, bench.grpcAddress));
    for (const service of ["", "gatewayops.gateway.v1.GatewayService", "grpc.health.v1.Health"])
      expect(await client.call("Check", { service })).toEqual({ status: "SERVING" });
    await expect(
      client.call("Check", { service: "gatewayops.cost.v1.CostService" }),
    ).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  it("tells who watches that the gateway closes, and lets them go", async () => {
    const client = opened(grpcJsClient(Health, bench.grpcAddress));
    const stream = client.stream("Watch", { service: "" });
    const statuses: unknown[] = [];
    for await (const { status: now } of stream as AsyncIterable<GrpcMessage>) {
      statuses.push(now);
      if (now === "SERVING") bench.beginClosing();
    }
    expect(statuses).toEqual(["SERVING", "NOT_SERVING"]);
  });
});

const TRANSPORTS: [string, () => Transport][] = [
  [
    "Connect over HTTP/2",
    () => createConnectTransport({ baseUrl: `http://${bench.grpcAddress}`, httpVersion: "2" }),
  ],
  [
    "gRPC-Web over HTTP/2",
    () => createGrpcWebTransport({ baseUrl: `http://${bench.grpcAddress}`, httpVersion: "2" }),
  ],
  [
    "Connect over HTTP/1.1",
    () => createConnectTransport({ baseUrl: bench.url, httpVersion: "1.1", useHttpGet: true }),
  ],
  [
    "gRPC-Web over HTTP/1.1",
    () => createGrpcWebTransport({ baseUrl: bench.url, httpVersion: "1.1" }),
  ],
];

describe.each(TRANSPORTS)("%s", (_name, transport) => {
  it("calls, lists and is refused with the reason", async () => {
    const client = createClient(GatewayService, transport());
    const headers = { authorization: `Bearer ${bench.key}` };
    const events: unknown[] = [];
    for await (const { event } of client.callTool({ server: SERVER, name: "echo" }, { headers }))
      events.push(event.case);
    expect(events).toEqual(["result"]);
    expect((await client.listTools({ server: SERVER }, { headers })).tools).toEqual([]);
    const error = await client.listTools({ server: "nope" }, { headers }).catch(ConnectError.from);
    expect((error as ConnectError).code).toBe(Code.NotFound);
    expect(failureFromConnect(error).reason).toBe("SERVER_UNKNOWN");
  });
});
