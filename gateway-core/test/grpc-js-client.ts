import { create, toBinary, type DescFile, type DescService } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  type CallOptions,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer, type PackageDefinition } from "@grpc/proto-loader";

/** A message as gRPC's own implementation for Node has it: fields by their names in the .proto, 64-bit integers as text. */
export type GrpcMessage = Record<string, unknown>;

export type GrpcCallOptions = {
  readonly metadata?: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeoutMs?: number;
};

/** A client of gRPC's own implementation for Node, that knows nothing of our generated code but the descriptors. */
export type GrpcClient = {
  /** Calls a unary method. Rejects with a ServiceError. */
  call(method: string, request: object, options?: GrpcCallOptions): Promise<GrpcMessage>;
  /** As `call`, with the metadata that came before the answer. */
  callForMetadata(
    method: string,
    request: object,
    options?: GrpcCallOptions,
  ): Promise<{ answer: GrpcMessage; metadata: Metadata }>;
  /** Calls a method that answers with a stream. */
  stream(
    method: string,
    request: object,
    options?: GrpcCallOptions,
  ): ClientReadableStream<GrpcMessage>;
  /** Calls a method with a stream of requests as well. */
  duplex(method: string): ClientDuplexStream<object, GrpcMessage>;
  close(): void;
};

/** @param address "127.0.0.1:9090" */
export function grpcJsClient(service: DescService, address: string): GrpcClient {
  return grpcJsClientOf(service.typeName, descriptorSet(service.file), address);
}

/** @param descriptors a FileDescriptorSet in bytes, which holds the service and all it needs */
export function grpcJsClientOf(typeName: string, descriptors: Buffer, address: string): GrpcClient {
  const constructor = constructorOf(
    typeName,
    loadFileDescriptorSetFromBuffer(descriptors, {
      keepCase: true,
      longs: String,
      enums: String,
      defaults: true,
      oneofs: true,
    }),
  );
  const client = new constructor(address, credentials.createInsecure());
  const callForMetadata: GrpcClient["callForMetadata"] = (method, request, options = {}) =>
    new Promise((resolve, reject) => {
      let metadata = new Metadata();
      methodOf("unary", client, method)(
        request,
        metadataOf(options),
        optionsOf(options),
        (error, answer) => {
          if (error) reject(error);
          else resolve({ answer: answer ?? {}, metadata });
        },
      ).on("metadata", (given: Metadata) => {
        metadata = given;
      });
    });
  return {
    callForMetadata,
    call: async (method, request, options) =>
      (await callForMetadata(method, request, options)).answer,
    stream: (method, request, options = {}) =>
      methodOf("stream", client, method)(request, metadataOf(options), optionsOf(options)),
    duplex: (method) => methodOf("duplex", client, method)(new Metadata()),
    close: () => {
      client.close();
    },
  };
}

/** Milliseconds; no test's call may hang. */
const TIMEOUT_MS = 10_000;

function metadataOf({ metadata = {} }: GrpcCallOptions): Metadata {
  const made = new Metadata();
  for (const [name, value] of Object.entries(metadata)) made.set(name, value);
  return made;
}

function optionsOf({ timeoutMs = TIMEOUT_MS }: GrpcCallOptions): CallOptions {
  return { deadline: Date.now() + timeoutMs };
}

/** Which of the three a method is, the descriptors say; the test that calls it knows. */
type Method = {
  unary(
    request: object,
    metadata: Metadata,
    options: CallOptions,
    callback: (error: ServiceError | null, answer?: GrpcMessage) => void,
  ): ClientUnaryCall;
  stream(
    request: object,
    metadata: Metadata,
    options: CallOptions,
  ): ClientReadableStream<GrpcMessage>;
  duplex(metadata: Metadata): ClientDuplexStream<object, GrpcMessage>;
};

function methodOf<K extends keyof Method>(_kind: K, client: Client, name: string): Method[K] {
  const found = (client as unknown as Record<string, Method[K] | undefined>)[name];
  if (found === undefined) throw new Error(`There is no method ${name}.`);
  return found.bind(client) as Method[K];
}

function constructorOf(typeName: string, definition: PackageDefinition): ServiceClientConstructor {
  return typeName
    .split(".")
    .reduce<unknown>(
      (at, name) => (at as Record<string, unknown>)[name],
      loadPackageDefinition(definition),
    ) as ServiceClientConstructor;
}

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
