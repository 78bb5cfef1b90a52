import { createHash, randomFillSync } from "node:crypto";

const POOL_BYTES = 8192;
const pool = Buffer.allocUnsafe(POOL_BYTES);
let used = POOL_BYTES;

/** Cryptographically random bytes from a pool, since one system call per id would cost more than the id. */
export function randomBytesPooled(length: number): Buffer {
  if (used + length > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = Buffer.allocUnsafe(length);
  pool.copy(bytes, 0, used, used + length);
  used += length;
  return bytes;
}

/**
 * Makes a UUID of version 7 (RFC 9562 §5.7): 48 bits of milliseconds, then 74 random bits.
 *
 * @param nowMs milliseconds since 1970-01-01 UTC
 */
export function uuidV7(nowMs: number): Buffer {
  const id = randomBytesPooled(16);
  id.writeUIntBE(nowMs, 0, 6);
  id[6] = ((id[6] ?? 0) & 0x0f) | 0x70;
  id[8] = ((id[8] ?? 0) & 0x3f) | 0x80;
  return id;
}

/** The milliseconds in a UUID of version 7. */
export function timeOfUuidV7(id: Uint8Array): number {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).readUIntBE(0, 6);
}

/** 16 bytes of a UUID in text, with or without dashes; undefined when it is none. */
export function uuidFromText(text: string): Buffer | undefined {
  const hex = text.replaceAll("-", "");
  return /^[0-9a-fA-F]{32}$/.test(hex) ? Buffer.from(hex, "hex") : undefined;
}

/** A UUID in its usual text form. */
export function uuidToText(id: Uint8Array): string {
  const hex = hexOf(id);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** The request id of a call id: "req_" and 32 hexadecimal digits. */
export function requestIdOf(callId: Uint8Array): string {
  return `req_${hexOf(callId)}`;
}

/** The id of a tool in records, see `CallIntent.tool_id`. Never 0, which means no tool. */
export function toolIdOf(serverId: Uint8Array, toolName: string): bigint {
  const id = createHash("sha256")
    .update(serverId)
    .update(toolName, "utf8")
    .digest()
    .readBigUInt64BE(0);
  return id === 0n ? 1n : id;
}

/** A tool id as 16 hexadecimal digits. */
export function toolIdToText(id: bigint): string {
  return id.toString(16).padStart(16, "0");
}
