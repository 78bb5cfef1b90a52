import type { DescService } from "@bufbuild/protobuf";
import { createClient, type Client } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { grpcJsClient } from "../grpc-js-client.ts";
import { bearer, type Stack } from "./stack.ts";

/** A client of Connect's own, over HTTP/1.1, as the console is one. */
export function connectClient<S extends DescService>(
  service: S,
  stack: Stack,
  key: string,
): Client<S> {
  return createClient(
    service,
    createConnectTransport({
      baseUrl: stack.gatewayUrl,
      httpVersion: "1.1",
      interceptors: [
        (next) => (request) => {
          request.header.set("authorization", bearer(key).authorization);
          return next(request);
        },
      ],
    }),
  );
}

/** A client of gRPC's own implementation for Node. */
export type Grpc = {
  /** Calls a unary method. 64-bit integers are text, enum values their full names, field names those of the .proto. */
  call(method: string, request: object, key?: string): Promise<Record<string, unknown>>;
  close(): void;
};

export function grpcClient(service: DescService, stack: Stack): Grpc {
  const client = grpcJsClient(service, new URL(stack.grpcUrl).host);
  return {
    call: (method, request, key) =>
      client.call(method, request, key === undefined ? {} : { metadata: bearer(key) }),
    close: () => {
      client.close();
    },
  };
}
