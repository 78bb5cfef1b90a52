import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { WireWriter } from "./wire.ts";

/** What a writer wrote, in hexadecimal digits. */
function written(write: (out: WireWriter) => void, capacity = 64): string {
  const out = new WireWriter(capacity);
  write(out);
  return out.written().toString("hex");
}

describe("WireWriter", () => {
  it("writes varints as the protobuf encoding guide works them out", () => {
    // https://protobuf.dev/programming-guides/encoding: 150 in field 1 is 08 96 01.
    expect(written((out) => out.number(1, 150))).toBe("089601");
    expect(written((out) => out.varint(0))).toBe("00");
    expect(written((out) => out.varint(127))).toBe("7f");
    expect(written((out) => out.varint(128))).toBe("8001");
    expect(written((out) => out.varint(300))).toBe("ac02");
  });

  it("writes varints above 32 bits exactly, up to 53 bits", () => {
    // 2^32 = 1 followed by 32 zero bits: four groups of seven zeros, then 2^4.
    expect(written((out) => out.varint(2 ** 32))).toBe("8080808010");
    // 2^53 - 1: seven groups of seven ones, then four ones.
    expect(written((out) => out.varint(Number.MAX_SAFE_INTEGER))).toBe("ffffffffffffff0f");
  });

  it("writes signed numbers in zigzag", () => {
    // The guide's table: -1 → 1, 1 → 2, -2 → 3, 2147483647 → 4294967294, -2147483648 → 4294967295.
    expect(written((out) => out.signed(1, -1))).toBe("0801");
    expect(written((out) => out.signed(1, 1))).toBe("0802");
    expect(written((out) => out.signed(1, -2))).toBe("0803");
    expect(written((out) => out.signed(1, 2_147_483_647))).toBe("08feffffff0f");
    expect(written((out) => out.signed(1, -2_147_483_648))).toBe("08ffffffff0f");
    // JSON-RPC's "method not found": 2·32601 − 1 = 65201 = 0x3 7d 31 in groups of seven.
    expect(written((out) => out.signed(6, -32_601))).toBe("30b1fd03");
  });

  it("leaves out defaults, as proto3 does", () => {
    expect(
      written((out) => {
        out.number(1, 0);
        out.signed(2, 0);
        out.bigint(3, 0n);
        out.bytes(4, Buffer.alloc(0));
      }),
    ).toBe("");
  });

  it("writes tags of fields above 15 in two bytes", () => {
    // Field 16, varint: 16 << 3 = 128 = 80 01.
    expect(written((out) => out.number(16, 1))).toBe("800101");
  });

  it("writes bytes with their length and fixed64 as it is", () => {
    expect(written((out) => out.bytes(2, Buffer.from("testing")))).toBe("120774657374696e67");
    expect(written((out) => out.fixed64(1, Buffer.from("0102030405060708", "hex")))).toBe(
      "090102030405060708",
    );
  });

  it("writes the length of an embedded message as a varint of two bytes whatever its size", () => {
    // A length of 3 padded to two bytes: 83 00; the longest, 16383, is ff 7f.
    expect(
      written((out) => {
        const mark = out.begin(3);
        out.number(1, 150);
        out.end(mark);
      }),
    ).toBe("1a8300089601");
    const out = new WireWriter(8);
    const mark = out.begin(1);
    out.bytes(1, Buffer.alloc(16_380, 0xaa)); // 1 byte of tag, 2 of length
    out.end(mark);
    expect(out.written().subarray(0, 3).toString("hex")).toBe("0aff7f");
    expect(out.position).toBe(3 + 16_383);
  });

  it("grows without losing what it holds, at whatever capacity it began", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 }),
        (capacity, values) => {
          const tight = written((out) => {
            for (const value of values) out.bytes(1, value);
          }, capacity);
          const wide = written((out) => {
            for (const value of values) out.bytes(1, value);
          }, 100_000);
          expect(tight).toBe(wide);
        },
      ),
    );
  });
});
