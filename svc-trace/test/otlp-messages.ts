import { create, createFileRegistry, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

// The messages of OTLP as far as receivers in tests read them, by the numbers of
// opentelemetry/proto/{collector/trace,trace,resource,common}/v1/*.proto. Apart from what writes them.

type FieldSpec = readonly [number: number, type: Type | string, repeated?: "repeated"];

const MESSAGES: Readonly<Record<string, Readonly<Record<string, FieldSpec>>>> = {
  ExportTraceServiceRequest: { resource_spans: [1, "ResourceSpans", "repeated"] },
  ResourceSpans: { resource: [1, "Resource"], scope_spans: [2, "ScopeSpans", "repeated"] },
  Resource: { attributes: [1, "KeyValue", "repeated"] },
  ScopeSpans: { scope: [1, "Scope"], spans: [2, "Span", "repeated"] },
  Scope: { name: [1, Type.STRING], version: [2, Type.STRING] },
  Span: {
    trace_id: [1, Type.BYTES],
    span_id: [2, Type.BYTES],
    parent_span_id: [4, Type.BYTES],
    name: [5, Type.STRING],
    kind: [6, Type.INT32],
    start_time_unix_nano: [7, Type.FIXED64],
    end_time_unix_nano: [8, Type.FIXED64],
    attributes: [9, "KeyValue", "repeated"],
    status: [15, "Status"],
  },
  Status: { message: [2, Type.STRING], code: [3, Type.INT32] },
  KeyValue: { key: [1, Type.STRING], value: [2, "AnyValue"] },
  AnyValue: { string_value: [1, Type.STRING], int_value: [3, Type.INT64] },
  ExportTraceServiceResponse: { partial_success: [1, "PartialSuccess"] },
  PartialSuccess: { rejected_spans: [1, Type.INT64], error_message: [2, Type.STRING] },
};

const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: "otlp.proto",
    package: "otlp",
    syntax: "proto3",
    messageType: Object.entries(MESSAGES).map(([name, fields]) => ({
      name,
      field: Object.entries(fields).map(([field, [number, type, repeated]]) => ({
        name: field,
        number,
        label: repeated ? Label.REPEATED : Label.OPTIONAL,
        ...(typeof type === "string"
          ? { type: Type.MESSAGE, typeName: `.otlp.${type}` }
          : { type }),
      })),
    })),
  }),
  () => undefined,
);

function schemaOf(name: string) {
  const schema = registry.getMessage(`otlp.${name}`);
  if (!schema) throw new Error(`no message ${name}`);
  return schema;
}

/** A span as a receiver sees it. */
export type ReceivedSpan = {
  readonly service: string;
  readonly scope: string;
  /** Hexadecimal digits. */
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for none. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 INTERNAL, 2 SERVER, 3 CLIENT. */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** 0 UNSET, 2 ERROR. */
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly attributes: Readonly<Record<string, string | number>>;
};

type Attribute = { key: string; value: { string_value?: string; int_value?: string } };
type Request = {
  resource_spans: {
    resource: { attributes: Attribute[] };
    scope_spans: { scope: { name: string }; spans: Record<string, unknown>[] }[];
  }[];
};

/** The spans of an ExportTraceServiceRequest. */
export function spansIn(request: Uint8Array): ReceivedSpan[] {
  const schema = schemaOf("ExportTraceServiceRequest");
  const json = toJson(schema, fromBinary(schema, request), { useProtoFieldName: true, registry });
  return (json as unknown as Request).resource_spans.flatMap(({ resource, scope_spans: scopes }) =>
    scopes.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        service: String(attributesOf(resource.attributes)["service.name"]),
        scope: scope.name,
        traceId: hexOf(span["trace_id"]),
        spanId: hexOf(span["span_id"]),
        parentSpanId: hexOf(span["parent_span_id"]),
        name: String(span["name"]),
        kind: Number(span["kind"]),
        startNs: BigInt(span["start_time_unix_nano"] as string),
        endNs: BigInt(span["end_time_unix_nano"] as string),
        statusCode: (span["status"] as { code?: number } | undefined)?.code ?? 0,
        statusMessage: (span["status"] as { message?: string } | undefined)?.message ?? "",
        attributes: attributesOf((span["attributes"] as Attribute[] | undefined) ?? []),
      })),
    ),
  );
}

/** The answer of a receiver that took all spans but some. */
export function partialSuccess(rejectedSpans: number, errorMessage: string): Uint8Array {
  const schema = schemaOf("ExportTraceServiceResponse");
  const inner = create(schemaOf("PartialSuccess"), {
    rejectedSpans: BigInt(rejectedSpans),
    errorMessage,
  });
  return toBinary(schema, create(schema, { partialSuccess: inner }));
}

function attributesOf(list: readonly Attribute[]): Record<string, string | number> {
  return Object.fromEntries(
    list.map(({ key, value }) => [key, value.string_value ?? Number(value.int_value)]),
  );
}

function hexOf(base64: unknown): string {
  return typeof base64 === "string" ? Buffer.from(base64, "base64").toString("hex") : "";
}
