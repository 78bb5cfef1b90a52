import { describe, expect, it } from "@jest/globals";
import { requireApiUrl, requireOperatorUrl, requireServerName, transportOf } from "./server.ts";

describe("requireApiUrl", () => {
  it("admits http and https", () => {
    for (const url of ["http://127.0.0.1:3001/mcp", "https://mcp.example.com/x?y=1"])
      expect(requireApiUrl(url)).toBe(url);
  });

  it("refuses stdio, other schemes, passwords, fragments and too much", () => {
    for (const url of [
      "stdio:filesystem",
      "file:///etc/passwd",
      "javascript:alert(1)",
      "https://user:secret@example.com/",
      "https://example.com/#x",
      `https://example.com/${"x".repeat(500)}`,
      "nonsense",
      "",
    ])
      expect(() => requireApiUrl(url)).toThrow("url:");
  });
});

describe("requireOperatorUrl", () => {
  it("admits stdio servers by name only", () => {
    expect(requireOperatorUrl("stdio:filesystem")).toBe("stdio:filesystem");
    expect(() => requireOperatorUrl("stdio:rm -rf /")).toThrow("url:");
    expect(transportOf({ url: "stdio:filesystem" })).toBe("stdio");
    expect(transportOf({ url: "https://x.io" })).toBe("streamable_http");
  });
});

describe("requireServerName", () => {
  it("admits 1 to 64 of a-z, 0-9, - and _", () => {
    for (const name of ["a", "0-_", "a".repeat(64)]) expect(requireServerName(name)).toBe(name);
    for (const name of ["", "-a", "A", "a/b", "a".repeat(65)])
      expect(() => requireServerName(name)).toThrow("name:");
  });
});
