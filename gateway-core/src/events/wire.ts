// Protobuf's wire format, written straight into a buffer: the hot path writes two lines per call, and building
// message objects for them would cost more than the call's own bookkeeping. Tests hold it to the real protobuf.

/** Bytes that the longest field here can take beside its payload: tag and length. */
const VARINT_MAX_BYTES = 10;
const INT31_MAX = 0x7fffffff;

/** Writes protobuf fields into a growing buffer. Fields with default values are left out, as proto3 does. */
export class WireWriter {
  buffer: Buffer;
  position = 0;

  constructor(capacity: number) {
    this.buffer = Buffer.allocUnsafe(capacity);
  }

  /** Makes room for so many bytes more. */
  reserve(bytes: number): void {
    if (this.position + bytes <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.position + bytes));
    this.buffer.copy(grown, 0, 0, this.position);
    this.buffer = grown;
  }

  /** A varint of up to 53 bits. */
  varint(value: number): void {
    this.reserve(VARINT_MAX_BYTES);
    let rest = value;
    // Shifts are for 31 bits, and faster.
    while (rest > INT31_MAX) {
      this.buffer[this.position++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest >= 0x80) {
      this.buffer[this.position++] = (rest & 0x7f) | 0x80;
      rest >>= 7;
    }
    this.buffer[this.position++] = rest;
  }

  /** Bytes as they are: fields already serialized. */
  raw(fields: Uint8Array): void {
    this.reserve(fields.length);
    this.buffer.set(fields, this.position);
    this.position += fields.length;
  }

  /** A uint32, uint64, bool or enum field. */
  number(field: number, value: number): void {
    if (value === 0) return;
    this.varint(field << 3);
    this.varint(value);
  }

  /** A sint32 field. */
  signed(field: number, value: number): void {
    if (value === 0) return;
    this.varint(field << 3);
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** A uint64 field from a bigint below 2^53. */
  bigint(field: number, value: bigint): void {
    this.number(field, Number(value));
  }

  /** A fixed64 field from its 8 bytes in wire order. */
  fixed64(field: number, littleEndian: Buffer): void {
    this.varint((field << 3) | 1);
    this.raw(littleEndian);
  }

  /** A bytes field, or an embedded message already serialized. */
  bytes(field: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.varint((field << 3) | 2);
    this.varint(value.length);
    this.raw(value);
  }

  /** Begins an embedded message of less than 16384 bytes; give the result to `end`. */
  begin(field: number): number {
    this.varint((field << 3) | 2);
    this.reserve(2);
    const mark = this.position;
    this.position += 2;
    return mark;
  }

  /** Ends an embedded message: its length goes where `begin` left room, as a two-byte varint. */
  end(mark: number): void {
    const length = this.position - mark - 2;
    this.buffer[mark] = (length & 0x7f) | 0x80;
    this.buffer[mark + 1] = length >> 7;
  }

  written(): Buffer {
    return this.buffer.subarray(0, this.position);
  }
}
