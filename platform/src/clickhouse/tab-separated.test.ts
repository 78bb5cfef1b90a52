import { describe, expect, it } from "@jest/globals";
import {
  bool,
  dateTime,
  encodeRows,
  integer,
  integers,
  text,
  uint64Bytes,
  usd,
  uuid,
  words,
} from "./tab-separated.ts";

const ID = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
const NONE = new Uint8Array();

describe("encodeRows", () => {
  it("writes a line for each row, values in the order of the columns", () => {
    const rows = [
      { name: "a", count: 1 },
      { count: 2, name: "" },
    ];
    expect(encodeRows({ name: text, count: integer }, rows)).toEqual({
      columns: ["name", "count"],
      body: "a\t1\n\t2\n",
    });
  });

  it("keeps what separates values out of texts", () => {
    const body = encodeRows({ a: text, b: text }, [{ a: "\t\n\r\0", b: "\\n" }]).body;
    expect(body).toBe("\\t\\n\\r\\0\t\\\\n\n");
  });
});

describe("values", () => {
  it("are the texts that ClickHouse reads", () => {
    expect(integer(18_446_744_073_709_551_615n)).toBe("18446744073709551615");
    expect(integer(-32_700)).toBe("-32700");
    expect(bool(true)).toBe("1");
    expect(uuid(ID)).toBe("00010203-0405-0607-0809-0a0b0c0d0e0f");
    expect(uint64Bytes(Buffer.from("00000000000001ff", "hex"))).toBe("511");
    expect(dateTime(1_795_444_200_000_001n)).toBe("2026-11-23 14:30:00.000001");
    expect(usd(9_007_199_254_740_993n)).toBe("9007199254.740993");
    expect(integers([1, 2])).toBe("[1,2]");
    expect(words(["a", ""])).toBe("['a','']");
  });

  it("say none", () => {
    expect(uuid(NONE)).toBe("00000000-0000-0000-0000-000000000000");
    expect(uint64Bytes(NONE)).toBe("0");
    expect(words([])).toBe("[]");
  });
});
