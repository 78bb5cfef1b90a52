import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Principal } from "../control/principal.ts";
import { createSessionIds } from "./session-ids.ts";

const SECRET = "a secret of at least thirty-two characters";
const ids = createSessionIds(SECRET);
const principal = (keyIdText: string, orgIdText = "org-1"): Principal =>
  ({ keyIdText, orgIdText }) as Principal;
const SERVER = "server-1";

describe("session ids", () => {
  it("are visible ASCII, as MCP 2025-11-25 transports wants them, and never the same", () => {
    const made = Array.from({ length: 100 }, () => ids.create(principal("key-1"), SERVER));
    for (const id of made) expect(id).toMatch(/^[\x21-\x7e]{40,}$/);
    expect(new Set(made).size).toBe(100);
  });

  it("are known to every worker with the secret, and to no other", () => {
    const id = ids.create(principal("key-1"), SERVER);
    expect(createSessionIds(SECRET).isOf(id, principal("key-1"), SERVER)).toBe(true);
    expect(
      createSessionIds("another secret of thirty-two characters.").isOf(
        id,
        principal("key-1"),
        SERVER,
      ),
    ).toBe(false);
  });

  it("are of no use to another key, another organisation or with another server", () => {
    const id = ids.create(principal("key-1"), SERVER);
    expect(ids.isOf(id, principal("key-2"), SERVER)).toBe(false);
    expect(ids.isOf(id, principal("key-1", "org-2"), SERVER)).toBe(false);
    expect(ids.isOf(id, principal("key-1"), "server-2")).toBe(false);
  });

  it("cannot be forged: every changed character is noticed", () => {
    const id = ids.create(principal("key-1"), SERVER);
    for (let at = 0; at < id.length; at++) {
      const other = id[at] === "A" ? "B" : "A";
      const forged = id.slice(0, at) + other + id.slice(at + 1);
      expect(ids.isOf(forged, principal("key-1"), SERVER)).toBe(false);
    }
  });

  it("never throw, whatever an agent sends", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => {
        expect(ids.isOf(text, principal("key-1"), SERVER)).toBe(false);
      }),
    );
  });
});
