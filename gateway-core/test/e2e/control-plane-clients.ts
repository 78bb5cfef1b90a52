import { create, toBinary, type DescFile, type DescService } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createClient, type Client } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  type Client as GrpcClient,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";
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

/** A client of gRPC's own implementation for Node, that knows nothing of our generated code but the descriptors. */
export type Grpc = {
  /** Calls a unary method. 64-bit integers are text, enum values their full names, field names those of the .proto. */
  call(method: string, request: object, key?: string): Promise<Record<string, unknown>>;
  close(): void;
};

export function grpcClient(service: DescService, stack: Stack): Grpc {
  const definition = loadFileDescriptorSetFromBuffer(descriptorSet(service.file), {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
  });
  const constructor = service.typeName
    .split(".")
    .reduce<unknown>(
      (at, name) => (at as Record<string, unknown>)[name],
      loadPackageDefinition(definition),
    ) as ServiceClientConstructor;
  const client = new constructor(new URL(stack.grpcUrl).host, credentials.createInsecure());
  return {
    call: (method, request, key) =>
      new Promise((resolve, reject) => {
        const metadata = new Metadata();
        if (key !== undefined) metadata.set("authorization", bearer(key).authorization);
        const methods = client as unknown as Record<string, UnaryMethod | undefined>;
        const unary = methods[method];
        if (unary === undefined) throw new Error(`${service.typeName} has no method ${method}.`);
        unary.call(
          client,
          request,
          metadata,
          { deadline: Date.now() + 10_000 },
          (error, answer) => {
            if (error) reject(error);
            else resolve(answer ?? {});
          },
        );
      }),
    close: () => {
      client.close();
    },
  };
}

type UnaryMethod = (
  this: GrpcClient,
  request: object,
  metadata: Metadata,
  options: { deadline: number },
  callback: (error: ServiceError | null, answer?: Record<string, unknown>) => void,
) => void;

/** The file with everything it imports, imports first: what `protoc --descriptor_set_out --include_imports` writes. */
function descriptorSet(file: DescFile): Buffer {
  const files = new Map<string, DescFile>();
  const add = (one: DescFile): void => {
    if (files.has(one.name)) return;
    for (const imported of one.dependencies) add(imported);
    files.set(one.name, one);
  };
  add(file);
  const set = create(FileDescriptorSetSchema, {
    file: [...files.values()].map(({ proto }) => proto),
  });
  return Buffer.from(toBinary(FileDescriptorSetSchema, set));
}
