import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Metadata, Server, ServerCredentials, type ServiceDefinition } from "@grpc/grpc-js";
import { spansIn, type ReceivedSpan } from "./otlp-messages.ts";

/** What a receiver answers a request with; undefined: it takes it. */
export type Answer = {
  /** HTTP status, or gRPC code. */
  readonly status: number;
  /** HTTP only. */
  readonly retryAfter?: string;
  /** gRPC only: value of grpc-status-details-bin. */
  readonly details?: Buffer;
  /** Body of a success. */
  readonly body?: Uint8Array;
};

/** A receiver of OTLP on loopback. */
export type Receiver = {
  readonly endpoint: string;
  /** Spans of the requests it took. */
  readonly spans: ReceivedSpan[];
  /** Headers or metadata of each request, taken or not. */
  readonly headers: Record<string, unknown>[];
  stop(): Promise<void>;
};

export type StartReceiver = (
  answer: (request: number) => Answer | undefined,
  port?: number,
) => Promise<Receiver>;

/** Takes POST /v1/traces with binary protobuf. */
export const startHttpReceiver: StartReceiver = async (answer, port = 0) => {
  const spans: ReceivedSpan[] = [];
  const headers: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      headers.push({ ...request.headers });
      const isExport = request.method === "POST" && request.url === "/v1/traces";
      const isProtobuf = request.headers["content-type"] === "application/x-protobuf";
      const given = answer(headers.length) ?? { status: isExport && isProtobuf ? 200 : 404 };
      if (given.status === 200) spans.push(...spansIn(Buffer.concat(chunks)));
      response.writeHead(given.status, {
        "content-type": "application/x-protobuf",
        ...(given.retryAfter === undefined ? {} : { "retry-after": given.retryAfter }),
      });
      response.end(given.body ?? "");
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    spans,
    headers,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
};

const same = (bytes: Buffer): Buffer => bytes;

const SERVICE: ServiceDefinition = {
  Export: {
    path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
};

/** The collector's TraceService by gRPC's own implementation for Node. */
export const startGrpcReceiver: StartReceiver = async (answer, port = 0) => {
  const spans: ReceivedSpan[] = [];
  const headers: Record<string, unknown>[] = [];
  const server = new Server();
  server.addService(SERVICE, {
    Export(
      call: { request: Buffer; metadata: Metadata },
      reply: (error: object | null, answer?: Buffer) => void,
    ) {
      headers.push(call.metadata.getMap());
      const given = answer(headers.length);
      if (given && given.status !== 0) {
        const metadata = new Metadata();
        if (given.details) metadata.set("grpc-status-details-bin", given.details);
        reply({ code: given.status, details: "no", metadata });
        return;
      }
      spans.push(...spansIn(call.request));
      reply(null, Buffer.from(given?.body ?? []));
    },
  });
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, number) => {
      if (error) reject(error);
      else resolve(number);
    });
  });
  return {
    endpoint: `http://127.0.0.1:${bound}`,
    spans,
    headers,
    stop: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
};
