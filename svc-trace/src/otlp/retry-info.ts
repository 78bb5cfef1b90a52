import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

const RETRY_INFO = "/google.rpc.RetryInfo";

/**
 * The delay that the details of a gRPC status ask for, in milliseconds: that of its google.rpc.RetryInfo. Undefined when
 * they hold none, or are no status.
 *
 * @param details value of grpc-status-details-bin, a google.rpc.Status
 */
export function retryDelayMs(details: string | Buffer | undefined): number | undefined {
  if (!Buffer.isBuffer(details)) return undefined;
  try {
    // Status.details = 3: Any; Any.type_url = 1, value = 2; RetryInfo.retry_delay = 1: Duration.
    for (const any of fieldsOf(details).filter(({ number }) => number === 3)) {
      const inner = fieldsOf(any.bytes);
      const type = inner.find(({ number }) => number === 1)?.bytes;
      const value = inner.find(({ number }) => number === 2)?.bytes;
      if (!type || !value || !Buffer.from(type).toString("utf8").endsWith(RETRY_INFO)) continue;
      const delay = fieldsOf(value).find(({ number }) => number === 1);
      if (delay) return durationMs(delay.bytes);
    }
  } catch {
    // Not protobuf: the receiver says nothing that is understood.
  }
  return undefined;
}

/** The fields with a length of a message. */
function fieldsOf(message: Uint8Array): { number: number; bytes: Uint8Array }[] {
  const reader = new BinaryReader(message);
  const fields: { number: number; bytes: Uint8Array }[] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) fields.push({ number, bytes: reader.bytes() });
    else reader.skip(wireType, number);
  }
  return fields;
}

/** Duration.seconds = 1, nanos = 2. */
function durationMs(duration: Uint8Array): number {
  const reader = new BinaryReader(duration);
  let ms = 0;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === 1) ms += Number(reader.int64()) * 1_000;
    else if (number === 2) ms += reader.int32() / 1_000_000;
    else reader.skip(wireType, number);
  }
  return Math.max(0, ms);
}
