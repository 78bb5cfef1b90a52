import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { encodeApiKey, generateApiKey, parseApiKey } from "./api-key.ts";

const environments = fc.stringMatching(/^[a-z0-9]{1,16}$/);
const randomness = fc.uint8Array({ minLength: 32, maxLength: 32 });
const keys = fc
  .tuple(environments, randomness)
  .map(([environment, bytes]) => encodeApiKey(environment, bytes));

/** 32 bytes with the given last ones. */
function bytesEnding(...last: number[]): Uint8Array {
  return Uint8Array.from([...Array<number>(32 - last.length).fill(0), ...last]);
}

describe("encodeApiKey", () => {
  // Computed by another program: Python's int.from_bytes, divmod by 62 and zlib.crc32.
  it.each([
    ["prod", bytesEnding(0), "gwo_prod_00000000000000000000000000000000000000000002xAIXQ"],
    ["prod", bytesEnding(1), "gwo_prod_00000000000000000000000000000000000000000013vM8Qg"],
    ["dev", bytesEnding(62), "gwo_dev_00000000000000000000000000000000000000000100PH73Z"],
    ["t", new Uint8Array(32).fill(255), "gwo_t_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp10ITiT9"],
    [
      "abcdefghijklmnop",
      Uint8Array.from({ length: 32 }, (_, index) => index),
      "gwo_abcdefghijklmnop_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2Xodh8",
    ],
  ])("writes %s and known bytes as another program does", (environment, bytes, key) => {
    expect(encodeApiKey(environment, bytes)).toBe(key);
  });

  it("gives different bytes different keys of one width, which bcrypt reads to the end", () => {
    fc.assert(
      fc.property(environments, randomness, randomness, (environment, a, b) => {
        const [keyA, keyB] = [encodeApiKey(environment, a), encodeApiKey(environment, b)];
        expect(keyA === keyB).toBe(Buffer.compare(a, b) === 0);
        expect(keyA).toHaveLength("gwo__".length + environment.length + 49);
        expect(Buffer.byteLength(keyA)).toBeLessThanOrEqual(72);
      }),
    );
  });

  it("refuses other environments and lengths", () => {
    for (const environment of ["", "Prod", "a_b", "a".repeat(17)])
      expect(() => encodeApiKey(environment, bytesEnding(0))).toThrow(RangeError);
    expect(() => encodeApiKey("prod", new Uint8Array(31))).toThrow(RangeError);
  });
});

describe("generateApiKey", () => {
  it("makes a new valid key every time", () => {
    const made = new Set(Array.from({ length: 100 }, () => generateApiKey("prod")));
    expect(made.size).toBe(100);
    for (const key of made) expect(parseApiKey(key)?.environment).toBe("prod");
  });
});

describe("parseApiKey", () => {
  it("gives environment, prefix and checksum", () => {
    expect(parseApiKey("gwo_dev_00000000000000000000000000000000000000000100PH73Z")).toEqual({
      environment: "dev",
      prefix: "gwo_dev_00000000",
      checksum: "0PH73Z",
    });
  });

  it("reads every key that was made", () => {
    fc.assert(
      fc.property(environments, randomness, (environment, bytes) => {
        const key = encodeApiKey(environment, bytes);
        const parsed = parseApiKey(key);
        expect(parsed?.environment).toBe(environment);
        expect(parsed?.prefix).toBe(key.slice(0, environment.length + 13));
      }),
    );
  });

  it("refuses a key with any one character changed, since CRC-32 finds every burst of 32 bits", () => {
    fc.assert(
      fc.property(keys, fc.nat(), fc.stringMatching(/^[0-9A-Za-z_]$/), (key, at, other) => {
        const place = at % key.length;
        fc.pre(key[place] !== other);
        expect(parseApiKey(key.slice(0, place) + other + key.slice(place + 1))).toBeUndefined();
      }),
    );
  });

  it("refuses keys cut off, lengthened or wrapped", () => {
    fc.assert(
      fc.property(keys, fc.nat(), (key, at) => {
        expect(parseApiKey(key.slice(0, at % key.length))).toBeUndefined();
        for (const wrong of [`${key}0`, ` ${key}`, `${key}\n`, `Bearer ${key}`, key.toUpperCase()])
          expect(parseApiKey(wrong)).toBeUndefined();
      }),
    );
  });

  it("refuses any other text without failing", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(parseApiKey(text)).toBeUndefined();
      }),
    );
  });
});
