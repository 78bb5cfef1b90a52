import { createHash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import {
  hexOf,
  randomBytesPooled,
  requestIdOf,
  timeOfUuidV7,
  toolIdOf,
  toolIdToText,
  uuidFromText,
  uuidToText,
  uuidV7,
} from "./ids.ts";

describe("uuidV7", () => {
  it("holds the time of RFC 9562's example, version and variant", () => {
    // RFC 9562 appendix A.6: 0x017F22E279B0 ms is 2022-02-22T19:22:22Z; version 7, variant 10.
    const id = uuidToText(uuidV7(0x017f22e279b0));
    expect(id).toMatch(/^017f22e2-79b0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(timeOfUuidV7(uuidFromText(id)!)).toBe(0x017f22e279b0);
  });

  it("sorts by time and is never the same twice", () => {
    const ids = Array.from({ length: 2_000 }, (_, index) => hexOf(uuidV7(1_000_000 + index)));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(Array.from({ length: 2_000 }, () => hexOf(uuidV7(1)))).size).toBe(2_000);
  });
});

describe("randomBytesPooled", () => {
  it("gives bytes of its caller alone: later ones do not change them", () => {
    const first = randomBytesPooled(16);
    const before = hexOf(first);
    for (let i = 0; i < 2_000; i++) randomBytesPooled(16);
    expect(hexOf(first)).toBe(before);
  });
});

describe("uuidFromText", () => {
  it("reads a UUID with and without dashes, in any case", () => {
    const bytes = Buffer.from("0199a000000070008000000000000001", "hex");
    for (const text of [
      "0199a000-0000-7000-8000-000000000001",
      "0199A000-0000-7000-8000-000000000001",
      "0199a000000070008000000000000001",
    ])
      expect(uuidFromText(text)).toEqual(bytes);
    expect(uuidToText(bytes)).toBe("0199a000-0000-7000-8000-000000000001");
  });

  it("reads nothing else", () => {
    for (const text of [
      "",
      "x",
      "0199a000-0000-7000-8000-00000000000",
      `${"0".repeat(32)}0`,
      "g".repeat(32),
    ])
      expect(uuidFromText(text)).toBeUndefined();
  });
});

describe("toolIdOf", () => {
  it("is the first eight bytes of SHA-256 over server id and name, as call_record.proto says", () => {
    const server = Buffer.alloc(16, 1);
    const digest = createHash("sha256")
      .update(Buffer.concat([server, Buffer.from("écho")]))
      .digest();
    expect(toolIdToText(toolIdOf(server, "écho"))).toBe(digest.subarray(0, 8).toString("hex"));
  });

  it("differs by server and by name", () => {
    const ids = [
      toolIdOf(Buffer.alloc(16, 1), "a"),
      toolIdOf(Buffer.alloc(16, 2), "a"),
      toolIdOf(Buffer.alloc(16, 1), "b"),
    ];
    expect(new Set(ids).size).toBe(3);
  });
});

describe("text of ids", () => {
  it("is padded to its length", () => {
    expect(toolIdToText(0xabn)).toBe("00000000000000ab");
    expect(requestIdOf(Buffer.alloc(16, 10))).toBe(`req_${"0a".repeat(16)}`);
  });

  it("is of the bytes given, not of the buffer they lie in", () => {
    const pool = Buffer.from("00112233445566778899aabbccddeeff", "hex");
    expect(hexOf(new Uint8Array(pool.buffer, pool.byteOffset + 1, 2))).toBe("1122");
  });
});
