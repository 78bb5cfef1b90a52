import type { Browser, Page } from "playwright-core";
import type { Admin } from "./control-plane.ts";
import type { Stack } from "./stack.ts";

/** A page of the console whose visitor is signed in already. */
export async function asAdmin(browser: Browser, stack: Stack, admin: Admin): Promise<Page> {
  const context = await browser.newContext({ baseURL: stack.consoleUrl });
  const cookies = admin.cookie.split("; ").map((pair) => {
    const equals = pair.indexOf("=");
    return { name: pair.slice(0, equals), value: pair.slice(equals + 1), url: stack.consoleUrl };
  });
  await context.addCookies(cookies);
  return context.newPage();
}
