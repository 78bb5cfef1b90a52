import { describe, expect, it } from "@jest/globals";
import { createKeyCipher } from "./key-cipher.ts";

const cipher = createKeyCipher("one secret of at least 32 characters");
const other = createKeyCipher("another secret of 32 characters or so");
const plain = Buffer.from("plain");

describe("createKeyCipher", () => {
  it("opens what it sealed, at the same place only", () => {
    const sealed = cipher.seal(plain, "here");
    expect(sealed.includes(plain)).toBe(false);
    expect(cipher.open(sealed, "here")).toEqual(plain);
    expect(cipher.open(sealed, "there")).toBeUndefined();
    expect(other.open(sealed, "here")).toBeUndefined();
  });

  it("opens nothing that was altered or is none", () => {
    const sealed = cipher.seal(plain, "here");
    for (let index = 0; index < sealed.length; index += 1) {
      const altered = Buffer.from(sealed);
      altered[index] = (altered[index] ?? 0) ^ 1;
      expect(cipher.open(altered, "here")).toBeUndefined();
    }
    expect(cipher.open(Buffer.alloc(5), "here")).toBeUndefined();
  });

  it("gives a key one fingerprint per secret", () => {
    expect(cipher.fingerprint("k")).toMatch(/^[0-9a-f]{64}$/);
    expect(cipher.fingerprint("k")).toBe(cipher.fingerprint("k"));
    expect(cipher.fingerprint("k")).not.toBe(other.fingerprint("k"));
  });
});
