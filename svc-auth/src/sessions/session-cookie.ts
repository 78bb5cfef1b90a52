import { SESSION_COOKIE } from "@gatewayops/platform/rpc/client";
import { Secret } from "../secret.ts";

export type CookieOptions = {
  /** True: only sent over https. */
  readonly secure: boolean;
};

/**
 * The header that gives a browser its session. It has no Max-Age: the session's own sliding end decides, and the cookie
 * goes with the browser.
 */
export function sessionCookie(sessionId: Secret, options: CookieOptions): string {
  return `${SESSION_COOKIE}=${sessionId.reveal()}; ${attributes(options)}`;
}

/** The header that takes the session from a browser. */
export function clearedCookie(options: CookieOptions): string {
  return `${SESSION_COOKIE}=; Max-Age=0; ${attributes(options)}`;
}

/** True when the browser's own connection is https, as the proxy in front says. */
export function isHttps(headers: Headers): boolean {
  return headers.get("x-forwarded-proto")?.split(",")[0]?.trim() === "https";
}

/**
 * The network address a request comes from: the last one in X-Forwarded-For, which the nearest proxy added. Earlier
 * ones are the client's word. Empty when there is none.
 */
export function addressOf(headers: Headers): string {
  return headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() ?? "";
}

function attributes(options: CookieOptions): string {
  return `Path=/; HttpOnly; SameSite=Strict${options.secure ? "; Secure" : ""}`;
}

/** The session id in a request's cookies, whatever else proves who calls. */
export function sessionIdIn(headers: Headers, name: string): Secret | undefined {
  for (const part of headers.get("cookie")?.split(";") ?? []) {
    const [key, value] = part.trim().split("=", 2);
    if (key === name && value !== undefined && value !== "") return new Secret(value);
  }
  return undefined;
}
