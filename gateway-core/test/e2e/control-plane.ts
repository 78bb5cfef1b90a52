import { randomBytes } from "node:crypto";
import { send, type Answer, type Stack } from "./stack.ts";

/** An admin who is signed in: what a person does in the console or with curl. */
export type Admin = {
  readonly cookie: string;
  /** Sends a REST request with the session. Fails when the answer is no success. */
  ask<T>(method: string, path: string, body?: object): Promise<T>;
  /** The same, with whatever was answered. */
  try(method: string, path: string, body?: object | string): Promise<Answer>;
};

export type MadeKey = { readonly id: string; readonly secret: string; readonly name: string };

export type KeyWishes = {
  readonly teamId?: string;
  readonly servers?: readonly string[];
  readonly tools?: readonly string[];
  readonly permissions?: readonly string[];
  /** Calls per second and at once; far more than any test makes unless it says so. */
  readonly rps?: number;
  readonly burst?: number;
  readonly expireTime?: Date;
};

const PLENTY = 100_000;

/** Signs in as the stack's admin over REST. */
export async function signIn(stack: Stack): Promise<Admin> {
  const answer = await send(`${stack.gatewayUrl}/v1/auth/session`, { body: stack.admin });
  const cookie = answer.headers
    .getSetCookie()
    .map((line) => line.split(";")[0] ?? "")
    .join("; ");
  if (answer.status !== 200 || cookie === "")
    throw new Error(`Sign-in was answered with ${String(answer.status)}: ${answer.text}`);
  const admin: Admin = {
    cookie,
    async ask<T>(method: string, path: string, body?: object) {
      const given = await admin.try(method, path, body);
      if (given.status !== 200)
        throw new Error(`${method} ${path}: ${String(given.status)} ${given.text}`);
      return given.json as T;
    },
    try: (method, path, body) =>
      send(`${stack.gatewayUrl}${path}`, {
        method,
        // As a browser says on the console's own pages; without it a change with a cookie is refused.
        headers: { cookie, "sec-fetch-site": "same-origin" },
        ...(body === undefined ? {} : { body }),
      }),
  };
  return admin;
}

/** Makes a key that may reach every server, unless told otherwise. */
export async function makeKey(admin: Admin, wishes: KeyWishes = {}): Promise<MadeKey> {
  const name = unique("e2e key");
  const { api_key: key, secret } = await admin.ask<{ api_key: { id: string }; secret: string }>(
    "POST",
    "/v1/auth/keys",
    {
      name,
      environment: "e2e",
      team_id: wishes.teamId ?? "",
      scopes: {
        servers: wishes.servers ?? ["*"],
        tools: wishes.tools ?? [],
        permissions: wishes.permissions ?? [],
        rate_rps: wishes.rps ?? PLENTY,
        rate_burst: wishes.burst ?? wishes.rps ?? PLENTY,
      },
      ...(wishes.expireTime === undefined ? {} : { expire_time: wishes.expireTime.toISOString() }),
    },
  );
  return { id: key.id, secret, name };
}

export async function revokeKey(admin: Admin, id: string): Promise<void> {
  await admin.ask("DELETE", `/v1/auth/keys/${id}`);
}

export async function makeTeam(admin: Admin): Promise<{ id: string; name: string }> {
  const name = unique("e2e team");
  const { team } = await admin.ask<{ team: { id: string } }>("POST", "/v1/teams", {
    name,
    slug: name.replaceAll(" ", "-"),
  });
  return { id: team.id, name };
}

/** Registers an MCP server and returns its name. */
export async function makeServer(
  admin: Admin,
  options: { readonly url: string; readonly timeoutMs?: number },
): Promise<string> {
  const name = unique("e2e").replaceAll(" ", "-");
  await admin.ask("POST", "/v1/servers", {
    name,
    url: options.url,
    timeout_ms: options.timeoutMs ?? 0,
  });
  return name;
}

/** Sets what one call costs. Dollars are written as they stand: no number is rounded on its way. */
export async function setPrice(
  admin: Admin,
  rule: { readonly server: string; readonly tool: string; readonly usd: string },
): Promise<{ id: string }> {
  const body =
    `{"server":${JSON.stringify(rule.server)},"tool":${JSON.stringify(rule.tool)},` +
    `"per_call":${rule.usd}}`;
  const answer = await admin.try("POST", "/v1/prices", body);
  if (answer.status !== 200)
    throw new Error(`POST /v1/prices: ${String(answer.status)} ${answer.text}`);
  return (answer.json as { price_rule: { id: string } }).price_rule;
}

/** A name that no other test uses. */
export function unique(what: string): string {
  return `${what} ${randomBytes(4).toString("hex")}`;
}
