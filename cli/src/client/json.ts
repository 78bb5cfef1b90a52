import { toJson, type DescMessage, type MessageShape } from "@bufbuild/protobuf";

/** A message as JSON with every field, also those that hold nothing: scripts find the same keys each time. */
export function messageJson<D extends DescMessage>(schema: D, message: MessageShape<D>): unknown {
  return toJson(schema, message, { alwaysEmitImplicit: true, useProtoFieldName: true });
}

/** JSON for people. */
export function prettyJson(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
