import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { joinedName, joinedUri, splitName, splitUri } from "./names.ts";

const server = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,63}$/);

describe("joinedName", () => {
  it("is the server and the name where that is a good name", () => {
    expect(joinedName("github", "create_issue")).toBe("github__create_issue");
    expect(splitName("github__create_issue")).toEqual({ server: "github", name: "create_issue" });
  });

  it("has at most 64 characters that every client takes, and never the same for two tools", () => {
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(server, fc.string({ minLength: 1, maxLength: 130 }), (one, name) => {
        const joined = joinedName(one, name);
        expect(joined).toMatch(/^[A-Za-z0-9_.-]{1,64}$/);
        const whole = JSON.stringify([one, name]);
        expect(seen.get(joined) ?? whole).toBe(whole);
        seen.set(joined, whole);
      }),
    );
  });

  it("is the same each time", () => {
    const long = "a_very_long_tool_name_that_goes_on_and_on_and_on_and_on_and_on_and_on";
    expect(joinedName("server", long)).toBe(joinedName("server", long));
    expect(joinedName("server", long)).toMatch(/^server__a_very_long_tool_name_.*_[0-9a-f]{8}$/);
  });

  it("keeps apart what would look the same", () => {
    expect(joinedName("a", "_b")).not.toBe(joinedName("a_", "b"));
    expect(joinedName("a", "b__c")).not.toBe(joinedName("a__b", "c"));
  });

  it("is split into its parts again, or must be looked for", () => {
    fc.assert(
      fc.property(server, fc.stringMatching(/^[A-Za-z0-9_.-]{1,40}$/), (one, name) => {
        const parts = splitName(joinedName(one, name));
        if (parts) expect(parts).toEqual({ server: one, name });
      }),
    );
  });
});

describe("joinedUri", () => {
  it("is split into its parts again, whatever the URI", () => {
    fc.assert(
      fc.property(server, fc.string(), (one, uri) => {
        expect(splitUri(joinedUri(one, uri))).toEqual({ server: one, uri });
      }),
    );
  });

  it("is a URI", () => {
    expect(new URL(joinedUri("files", "file:///a b")).protocol).toBe("gwo:");
  });

  it("is none where the server is missing", () => {
    expect(splitUri("file:///x")).toBeUndefined();
    expect(splitUri("gwo::x")).toBeUndefined();
  });
});
