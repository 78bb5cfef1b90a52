import { describe, expect, it } from "@jest/globals";
import { Secret } from "../secret.ts";
import { addressOf, clearedCookie, isHttps, sessionCookie, sessionIdIn } from "./session-cookie.ts";

describe("sessionCookie", () => {
  it("is hidden from scripts and other sites, and kept to https when that is served", () => {
    const id = new Secret("abc");
    expect(sessionCookie(id, { secure: false })).toBe(
      "gwo_session=abc; Path=/; HttpOnly; SameSite=Strict",
    );
    expect(sessionCookie(id, { secure: true })).toContain("; Secure");
    expect(clearedCookie({ secure: false })).toContain("gwo_session=; Max-Age=0");
  });
});

describe("what proxies say", () => {
  it("believes the nearest proxy's address only", () => {
    expect(addressOf(new Headers({ "x-forwarded-for": "1.1.1.1, 2.2.2.2" }))).toBe("2.2.2.2");
    expect(addressOf(new Headers())).toBe("");
  });

  it("knows https by X-Forwarded-Proto", () => {
    expect(isHttps(new Headers({ "x-forwarded-proto": "https" }))).toBe(true);
    expect(isHttps(new Headers({ "x-forwarded-proto": "http" }))).toBe(false);
    expect(isHttps(new Headers())).toBe(false);
  });
});

describe("sessionIdIn", () => {
  it("finds the cookie among others", () => {
    const headers = new Headers({ cookie: "a=1; gwo_session=xyz; b" });
    expect(sessionIdIn(headers, "gwo_session")?.reveal()).toBe("xyz");
    expect(sessionIdIn(new Headers({ cookie: "gwo_session=" }), "gwo_session")).toBeUndefined();
    expect(sessionIdIn(new Headers(), "gwo_session")).toBeUndefined();
  });
});
