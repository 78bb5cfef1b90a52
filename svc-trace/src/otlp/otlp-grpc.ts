import { Client, credentials, Metadata, status as Status, type ServiceError } from "@grpc/grpc-js";
import { acceptedOf } from "./otlp-http.ts";
import type { OtlpTransport, OtlpTransportOptions, SendOutcome } from "./otlp-transport.ts";
import { retryDelayMs } from "./retry-info.ts";

const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/** Codes after which the same request may be sent again (OTLP specification, "Failures"). */
const RETRYABLE: ReadonlySet<number> = new Set([
  Status.CANCELLED,
  Status.DEADLINE_EXCEEDED,
  Status.ABORTED,
  Status.OUT_OF_RANGE,
  Status.UNAVAILABLE,
  Status.DATA_LOSS,
]);

/** Sends by OTLP/gRPC: cleartext to an endpoint with http, by TLS to one with https. */
export function createGrpcTransport(options: OtlpTransportOptions): OtlpTransport {
  const { protocol, host } = new URL(options.endpoint);
  const client = new Client(
    host,
    protocol === "https:" ? credentials.createSsl() : credentials.createInsecure(),
    // How often a connection is tried is decided by whoever sends again.
    { "grpc.initial_reconnect_backoff_ms": 100, "grpc.max_reconnect_backoff_ms": 1_000 },
  );
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(options.headers)) metadata.set(name, value);
  return {
    send: (request) =>
      new Promise((resolve) => {
        client.makeUnaryRequest<Buffer, Buffer>(
          EXPORT,
          (bytes) => bytes,
          (bytes) => bytes,
          Buffer.from(request.buffer, request.byteOffset, request.length),
          metadata,
          { deadline: Date.now() + options.timeoutMs },
          (error, answer) => {
            resolve(error ? failureOf(error) : acceptedOf(answer ?? Buffer.alloc(0)));
          },
        );
      }),
    close: () => {
      client.close();
    },
  };
}

function failureOf(error: ServiceError): SendOutcome {
  const problem = `the receiver answered gRPC ${Status[error.code]}: ${error.details}`;
  const afterMs = retryDelayMs(error.metadata.get("grpc-status-details-bin")[0]);
  // What is exhausted recovers only where the receiver says when.
  const mayRecover = error.code === Status.RESOURCE_EXHAUSTED && afterMs !== undefined;
  if (RETRYABLE.has(error.code) || mayRecover) return { kind: "retry", afterMs, problem };
  return { kind: "refused", problem };
}
