import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Principal } from "../control/principal.ts";
import { createSessionIds } from "./session-id.ts";

const ids = createSessionIds("a secret of at least thirty-two characters");
const principal = (keyIdText: string, orgIdText = "org-1"): Principal =>
  ({ keyIdText, orgIdText }) as Principal;

const UPSTREAM_ID = "3f2b8c1e-0000-4000-8000-000000000001";
const SERVER = "server-1";

describe("session ids", () => {
  it("give the server's own id back to the principal that got them", () => {
    const visible = fc.stringMatching(/^[\x21-\x7e]{1,120}$/);
    fc.assert(
      fc.property(visible, (upstreamId) => {
        const sealed = ids.seal(upstreamId, principal("key-1"), SERVER);
        // MCP 2025-11-25 transports: visible ASCII only.
        expect(sealed).toMatch(/^[\x21-\x7e]+$/);
        expect(ids.unseal(sealed, principal("key-1"), SERVER)).toBe(upstreamId);
      }),
    );
  });

  it("are the same for every worker that knows the secret, and worthless to others", () => {
    const sealed = ids.seal(UPSTREAM_ID, principal("key-1"), SERVER);
    const sameSecret = createSessionIds("a secret of at least thirty-two characters");
    const otherSecret = createSessionIds("another secret of thirty-two characters.");
    expect(sameSecret.unseal(sealed, principal("key-1"), SERVER)).toBe(UPSTREAM_ID);
    expect(otherSecret.unseal(sealed, principal("key-1"), SERVER)).toBeUndefined();
  });

  it("are of no use to another key, another organisation or with another server", () => {
    const sealed = ids.seal(UPSTREAM_ID, principal("key-1"), SERVER);
    expect(ids.unseal(sealed, principal("key-2"), SERVER)).toBeUndefined();
    expect(ids.unseal(sealed, principal("key-1", "org-2"), SERVER)).toBeUndefined();
    expect(ids.unseal(sealed, principal("key-1"), "server-2")).toBeUndefined();
  });

  it("cannot be forged: a changed character of the server's id is noticed, and so is one of the seal", () => {
    const sealed = ids.seal(UPSTREAM_ID, principal("key-1"), SERVER);
    for (let at = 0; at < sealed.length; at++) {
      // The last character of the seal has four bits that mean nothing.
      if (at === 21) continue;
      const other = sealed[at] === "A" ? "B" : "A";
      const forged = sealed.slice(0, at) + other + sealed.slice(at + 1);
      expect(ids.unseal(forged, principal("key-1"), SERVER)).toBeUndefined();
    }
  });

  it("of the server alone, too short ones and junk are nobody's", () => {
    for (const junk of [UPSTREAM_ID, "", "x", "A".repeat(22), "A".repeat(60), "é".repeat(40)])
      expect(ids.unseal(junk, principal("key-1"), SERVER)).toBeUndefined();
  });

  it("never throw, whatever an agent sends", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => {
        expect(ids.unseal(text, principal("key-1"), SERVER)).toBeUndefined();
      }),
    );
  });
});
