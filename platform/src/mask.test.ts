import { describe, expect, it } from "@jest/globals";
import { encodeApiKey } from "./api-key.ts";
import { maskText } from "./mask.ts";

describe("maskText", () => {
  it.each([
    // The specification's "Data Masking".
    ["4111 1111 1111 1234", "****-****-****-1234"],
    ["4111-1111-1111-1234", "****-****-****-1234"],
    ["card 4111111111111234.", "card ****-****-****-1234."],
    ["078-05-1120", "***-**-****"],
    [`gwo_prod_${"a".repeat(28)}`, "gwo_prod_****"],
    ["jane.doe@example.com", "ja***@example.com"],
    ["j@example.com", "j***@example.com"],
    ["mail <jane@sub.example.co.uk>, now", "mail <ja***@sub.example.co.uk>, now"],
  ])("%s → %s", (text, masked) => {
    expect(maskText(text)).toBe(masked);
  });

  it("masks our own keys whole", () => {
    const key = encodeApiKey("prod", Buffer.alloc(32, 255));
    expect(maskText(`key=${key}!`)).toBe("key=gwo_prod_****!");
  });

  it("leaves what only looks alike", () => {
    for (const text of [
      "4111 1111 1111 123",
      "41111111111112345",
      "078-05-112",
      "gwo_prod_short",
      "gwo_prod_a1B2c3D4",
      "user@localhost",
      "2026-11-23T14:30:00.123Z",
      "0199a000-0000-7000-8000-0123456789ab",
      "4bf92f3577b34da6a3ce929d0e0e4736",
    ])
      expect(maskText(text)).toBe(text);
  });

  it("masks every one of several", () => {
    expect(maskText("a.b@c.de, 078-05-1120 and b.c@d.ef, 078-05-1121")).toBe(
      "a.***@c.de, ***-**-**** and b.***@d.ef, ***-**-****",
    );
  });

  it("takes time that grows with the length, whatever the text", () => {
    for (const part of ["a", "a@", "1", "1234-", "a.", "gwo_"])
      expect(maskText(part.repeat(200_000)).length).toBeGreaterThan(0);
  });
});
