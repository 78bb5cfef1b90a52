import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { generateApiKey } from "@gatewayops/platform/api-key";
import { INVALIDATION_CHANNEL, parseInvalidation } from "@gatewayops/platform/invalidation";
import {
  InternalAuthService,
  NamedKind,
} from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { ListMode } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import { PolicyMode } from "@gatewayops/proto/gatewayops/auth/v1/policy_mode_pb";
import { ArgumentValidation } from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import { ADMIN_EVENTS_STREAM, type AdminEvent } from "@gatewayops/platform/streams/admin-events";
import { createInternalClient } from "@gatewayops/platform/rpc/client";
import { hexOf, toolIdOf, toolIdToText, uuidFromText } from "@gatewayops/platform/ids";
import type { Client } from "@connectrpc/connect";
import { startEngines, type TestEngines } from "./engines.ts";
import { startAuthProcess, type AuthProcess } from "./auth-process.ts";

const PASSWORD = "correct horse battery";

let engines: TestEngines;
let auth: AuthProcess;
let internal: Client<typeof InternalAuthService>;

beforeAll(async () => {
  engines = await startEngines();
  auth = await startAuthProcess(engines);
  internal = createInternalClient(InternalAuthService, {
    baseUrl: auth.grpcUrl,
    internalSecret: auth.internalSecret,
  });
}, 120_000);

afterAll(async () => {
  await auth.stop();
  await engines.stop();
}, 30_000);

type Json = Record<string, unknown> & { items?: { id: string; name: string }[] };
type Answer = { readonly status: number; readonly body: Json; readonly cookie: string };

async function call(
  method: string,
  path: string,
  options: { key?: string; headers?: object; body?: object } = {},
) {
  const response = await fetch(auth.httpUrl + path, {
    method,
    headers: {
      "content-type": "application/json",
      ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  const answer: Answer = {
    status: response.status,
    body: (await response.json()) as Json,
    cookie: response.headers.get("set-cookie") ?? "",
  };
  return answer;
}

/** An organisation of its own, with a key that may do everything. */
async function newOrg(slug: string, servers: { name: string; url: string }[] = []) {
  const request = {
    orgName: slug,
    orgSlug: slug,
    teamName: "Core",
    teamSlug: "core",
    adminEmail: `Admin@${slug}.example`,
    adminPassword: PASSWORD,
    apiKey: generateApiKey("test"),
    apiKeyName: "stack",
    apiKeyScopes: { servers: ["*"], permissions: ["*"] },
    servers,
  };
  const made = await internal.bootstrap(request);
  return { request, key: request.apiKey, ...made };
}

async function signIn(email: string, password = PASSWORD): Promise<Answer> {
  return call("POST", "/v1/auth/session", { body: { email, password } });
}

const cookieOf = (answer: Answer) => answer.cookie.split(";")[0] ?? "";

describe("Bootstrap", () => {
  it("makes everything once, and finds it again", async () => {
    const servers = [
      { name: "everything", url: "http://127.0.0.1:3001/mcp" },
      { name: "filesystem", url: "stdio:filesystem" },
    ];
    const { request, key, ...first } = await newOrg("boot", servers);
    const moved = [{ name: "everything", url: "http://127.0.0.1:3002/mcp" }];
    const [second, third] = await Promise.all([
      internal.bootstrap({ ...request, adminPassword: "another password", servers: moved }),
      internal.bootstrap({ ...request, adminPassword: "another password", servers: moved }),
    ]);
    for (const again of [second, third])
      expect({ ...again }).toMatchObject({ orgId: first.orgId, apiKeyId: first.apiKeyId });
    const listed = await call("GET", "/v1/servers", { key });
    expect(listed.body.items).toMatchObject([
      { name: "everything", url: "http://127.0.0.1:3002/mcp", timeout_ms: 0 },
      { name: "filesystem", url: "stdio:filesystem", transport: "stdio" },
    ]);
    expect((await signIn("admin@boot.example")).status).toBe(401);
    expect((await signIn("admin@boot.example", "another password")).status).toBe(200);
  });

  it("makes one organisation when many race", async () => {
    const request = (await newOrg("before-race")).request;
    const raced = { ...request, orgSlug: "race", apiKey: generateApiKey("test") };
    const made = await Promise.all(Array.from({ length: 4 }, () => internal.bootstrap(raced)));
    expect(new Set(made.map((one) => `${one.orgId} ${one.apiKeyId} ${one.teamId}`)).size).toBe(1);
  });

  it("is not served to the outside", async () => {
    const outside = createInternalClient(InternalAuthService, {
      baseUrl: auth.grpcUrl,
      internalSecret: "a wrong secret of the same length..",
    });
    await expect(outside.bootstrap({})).rejects.toThrow("internal");
  });
});

describe("API keys", () => {
  it("validate, with owner, scopes and limits, until they are revoked: everywhere at once", async () => {
    const org = await newOrg("keys");
    const made = await call("POST", "/v1/auth/keys", {
      key: org.key,
      body: {
        name: "agent",
        environment: "dev",
        team_id: org.teamId,
        scopes: { servers: ["everything"], permissions: ["traces:read"], rate_rps: 5 },
      },
    });
    expect(made.status).toBe(200);
    const { secret, api_key: apiKey } = made.body as { secret: string; api_key: { id: string } };
    expect(secret).toMatch(/^gwo_dev_[0-9A-Za-z]{49}$/);
    const valid = await internal.validateKey({ key: secret });
    expect(valid.apiKey).toMatchObject({
      id: apiKey.id,
      orgId: org.orgId,
      teamId: org.teamId,
      userId: org.adminUserId,
      scopes: { servers: ["everything"], rateRps: 5 },
    });
    expect(valid.identity).toMatchObject({
      name: "agent",
      permissions: ["traces:read"],
      email: "",
    });

    const told: unknown[] = [];
    const subscriber = engines.redis.duplicate();
    await subscriber.subscribe(INVALIDATION_CHANNEL);
    subscriber.on("message", (_channel, message) => told.push(parseInvalidation(message)?.change));
    const revoked = await call("DELETE", `/v1/auth/keys/${apiKey.id}`, { key: org.key });
    expect(revoked.status).toBe(200);
    await expect(internal.validateKey({ key: secret })).rejects.toThrow("revoked");
    expect(told).toEqual([{ kind: "key", orgId: org.orgId, keyId: apiKey.id }]);
    subscriber.disconnect();
  });

  it("are suspended and resumed, and their scopes changed: everywhere at once", async () => {
    const org = await newOrg("suspended");
    const made = await call("POST", "/v1/auth/keys", { key: org.key, body: { name: "agent" } });
    const { secret, api_key: apiKey } = made.body as { secret: string; api_key: { id: string } };
    const path = `/v1/auth/keys/${apiKey.id}`;
    const patch = (body: object) => call("PATCH", path, { key: org.key, body });
    await internal.validateKey({ key: secret });
    const suspended = await patch({ suspended: true });
    expect(suspended.body["api_key"]).toHaveProperty("suspend_time");
    await expect(internal.validateKey({ key: secret })).rejects.toThrow("suspended");
    const asked = await call("GET", "/v1/auth/whoami", { key: secret });
    expect(asked).toMatchObject({ status: 403, body: { error: { reason: "KEY_SUSPENDED" } } });
    await patch({ suspended: false });
    await internal.validateKey({ key: secret });
    const scopes = {
      servers: ["files"],
      resources: ["files/file:///srv/*"],
      deny_tools: ["*/delete_*"],
      scopes_mode: "observe",
      rate_mode: "observe",
    };
    expect((await patch({ name: "new", scopes })).body).toMatchObject({
      api_key: { name: "new", scopes },
    });
    expect((await internal.validateKey({ key: secret })).apiKey?.scopes).toMatchObject({
      servers: ["files"],
      denyTools: ["*/delete_*"],
      scopesMode: PolicyMode.OBSERVE,
      rateMode: PolicyMode.OBSERVE,
    });
    const foreign = await newOrg("suspended-foreign");
    const from = { key: foreign.key, body: { suspended: true } };
    expect((await call("PATCH", path, from)).status).toBe(404);
    await internal.validateKey({ key: secret });
  });

  it("never change to reach more than the key that changes them", async () => {
    const org = await newOrg("escalate");
    const scopes = { servers: ["files"], permissions: ["api_keys:*"] };
    const made = await call("POST", "/v1/auth/keys", { key: org.key, body: { name: "a", scopes } });
    const { secret, api_key: apiKey } = made.body as { secret: string; api_key: { id: string } };
    const path = `/v1/auth/keys/${apiKey.id}`;
    const change = (wanted: object) =>
      call("PATCH", path, { key: secret, body: { scopes: { ...scopes, ...wanted } } });
    expect((await change({ servers: ["*"] })).status).toBe(403);
    expect((await change({ scopes_mode: "observe" })).status).toBe(403);
    expect((await change({ deny_tools: ["files/rm"] })).status).toBe(200);
    expect((await change({ deny_tools: [] })).status).toBe(403);
  });

  it("say what is wrong with their scopes", async () => {
    const { key } = await newOrg("scopes");
    const make = async (scopes: object) =>
      (await call("POST", "/v1/auth/keys", { key, body: { name: "a", scopes } })).body;
    for (const [scopes, field, message] of [
      [{ servers: ["A b"] }, "scopes.servers[0]", 'must be the name of a server or "*"'],
      [{ tools: ["echo"] }, "scopes.tools[0]", 'must be "server/tool", where "*" stands'],
      [{ deny_resources: ["x/"] }, "scopes.deny_resources[0]", 'must be "server/uri"'],
      [{ permissions: ["traces"] }, "scopes.permissions[0]", "must be a permission as"],
      [{ rate_rps: 2_000_000 }, "scopes.rate_rps", "must be a whole number from 0 to 1000000"],
    ] as const) {
      const { error } = (await make(scopes)) as { error?: { details: object[] } };
      expect(error?.details).toEqual([{ field, message: expect.stringContaining(message) }]);
    }
  });

  it("never validate after a revocation was answered, whatever validations run at the same time", async () => {
    const org = await newOrg("race-revoke");
    for (let round = 0; round < 5; round += 1) {
      const made = await call("POST", "/v1/auth/keys", { key: org.key, body: { name: "k" } });
      const { secret, api_key: apiKey } = made.body as { secret: string; api_key: { id: string } };
      let revoked = false;
      let stop = false;
      const late: string[] = [];
      const outcomes = new Set<string>();
      const hammer = Array.from({ length: 8 }, async () => {
        while (!stop) {
          const begunAfter = revoked;
          const outcome = await internal.validateKey({ key: secret }).then(
            () => "admitted",
            (error: unknown) => (error as Error).message,
          );
          outcomes.add(outcome);
          if (begunAfter && outcome === "admitted") late.push(outcome);
        }
      });
      await sleep(round * 120);
      await call("DELETE", `/v1/auth/keys/${apiKey.id}`, { key: org.key });
      revoked = true;
      await sleep(200);
      stop = true;
      await Promise.all(hammer);
      expect(late).toEqual([]);
      expect([...outcomes].some((outcome) => outcome.includes("revoked"))).toBe(true);
    }
  }, 60_000);

  it("note when they were last used", async () => {
    const org = await newOrg("used");
    await internal.validateKey({ key: org.key });
    for (let time = 0; time < 80; time += 1) {
      const { body } = await call("GET", `/v1/auth/keys/${org.apiKeyId}`, { key: org.key });
      if ((body["api_key"] as Json)["last_used_time"] !== undefined) return;
      await sleep(100);
    }
    throw new Error("the use was not noted");
  });

  it("are seen and revoked by their owners and administrators only, in their organisation only", async () => {
    const [org, foreign] = [await newOrg("own"), await newOrg("foreign")];
    const member = { email: "m@own.example", name: "M", password: PASSWORD };
    expect((await call("POST", "/v1/users", { key: org.key, body: member })).status).toBe(200);
    const cookie = cookieOf(await signIn(member.email));
    const headers = { cookie, "sec-fetch-site": "same-origin" };
    const mine = await call("POST", "/v1/auth/keys", { headers, body: { name: "mine" } });
    expect(mine.status).toBe(200);
    const list = async (how: object) => {
      const { body } = await call("GET", "/v1/auth/keys", how);
      return body.items?.map((key) => key.name);
    };
    expect(await list({ headers })).toEqual(["mine"]);
    expect(await list({ key: org.key })).toEqual(["mine", "stack"]);
    expect(await list({ key: foreign.key })).toEqual(["stack"]);
    expect((await call("GET", `/v1/auth/keys/${org.apiKeyId}`, { headers })).status).toBe(404);
    const foreignGet = await call("GET", `/v1/auth/keys/${org.apiKeyId}`, { key: foreign.key });
    expect(foreignGet.status).toBe(404);
    const foreignDelete = await call("DELETE", `/v1/auth/keys/${org.apiKeyId}`, {
      key: foreign.key,
    });
    expect(foreignDelete.status).toBe(404);
    const foreignTeam = { name: "x", team_id: foreign.teamId };
    expect((await call("POST", "/v1/auth/keys", { key: org.key, body: foreignTeam })).status).toBe(
      404,
    );
    const tooMuch = { name: "x", scopes: { servers: ["*"], permissions: ["servers:create"] } };
    expect((await call("POST", "/v1/auth/keys", { headers, body: tooMuch })).status).toBe(403);
    const ownTeam = { name: "x", team_id: org.teamId };
    expect((await call("POST", "/v1/auth/keys", { headers, body: ownTeam })).status).toBe(403);
  });

  it("are listed page by page, and a wrong cursor is a wrong request", async () => {
    const org = await newOrg("pages");
    for (const name of ["a", "b"])
      await call("POST", "/v1/auth/keys", { key: org.key, body: { name } });
    const first = await call("GET", "/v1/auth/keys?limit=2", { key: org.key });
    expect(first.body).toMatchObject({ items: [{ name: "b" }, { name: "a" }], has_more: true });
    const next = `/v1/auth/keys?limit=2&cursor=${String(first.body["cursor"])}`;
    expect((await call("GET", next, { key: org.key })).body).toMatchObject({
      items: [{ name: "stack" }],
      has_more: false,
    });
    expect((await call("GET", "/v1/auth/keys?cursor=zzz", { key: org.key })).status).toBe(400);
  });
});

describe("Sessions", () => {
  it("begin with a cookie no script sees, say who it is, and end at sign-out", async () => {
    const org = await newOrg("session");
    const answer = await signIn("ADMIN@session.example");
    expect(answer.cookie).toMatch(/^gwo_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const cookie = cookieOf(answer);
    const who = await call("GET", "/v1/auth/whoami", { headers: { cookie } });
    expect(who.body).toMatchObject({
      identity: { org_id: org.orgId, role: "org_admin", permissions: ["*"] },
    });
    const session = cookie.split("=")[1] ?? "";
    expect((await internal.validateSession({ session })).identity?.userId).toBe(org.adminUserId);
    const keys = await engines.redis.keys("*");
    expect(keys.filter((key) => key.includes(session))).toEqual([]);
    const out = await call("DELETE", "/v1/auth/session", {
      headers: { cookie, "sec-fetch-site": "same-origin" },
    });
    expect(out.cookie).toContain("Max-Age=0");
    expect((await call("GET", "/v1/auth/whoami", { headers: { cookie } })).status).toBe(401);
    await expect(internal.validateSession({ session })).rejects.toThrow("ended");
  });

  it("are for https only where https is served", async () => {
    await newOrg("https");
    const answer = await call("POST", "/v1/auth/session", {
      headers: { "x-forwarded-proto": "https" },
      body: { email: "admin@https.example", password: PASSWORD },
    });
    expect(answer.cookie).toContain("; Secure");
  });

  it("change nothing for another site's page", async () => {
    await newOrg("csrf");
    const cookie = cookieOf(await signIn("admin@csrf.example"));
    const body = { name: "stolen" };
    for (const from of [
      {},
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: "https://evil.example" },
      { origin: "null" },
    ]) {
      const answer = await call("POST", "/v1/auth/keys", { headers: { cookie, ...from }, body });
      expect(answer.status).toBe(403);
    }
    const own = { cookie, origin: auth.httpUrl };
    expect((await call("POST", "/v1/auth/keys", { headers: own, body })).status).toBe(200);
  });
});

describe("Servers", () => {
  it("are registered, changed and removed, and gateways hear of it", async () => {
    const org = await newOrg("servers");
    const told: unknown[] = [];
    const subscriber = engines.redis.duplicate();
    await subscriber.subscribe(INVALIDATION_CHANNEL);
    subscriber.on("message", (_channel, message) => told.push(parseInvalidation(message)?.change));
    const body = { name: "web", url: "https://mcp.example.com/mcp" };
    expect((await call("POST", "/v1/servers", { key: org.key, body })).status).toBe(200);
    expect((await call("POST", "/v1/servers", { key: org.key, body })).status).toBe(409);
    const stdio = { name: "evil", url: "stdio:sh" };
    expect((await call("POST", "/v1/servers", { key: org.key, body: stdio })).status).toBe(400);
    const off = await call("PATCH", "/v1/servers/web", { key: org.key, body: { enabled: false } });
    expect(off.body).toMatchObject({ server: { url: body.url, timeout_ms: 0 } });

    const { server } = await internal.resolveServer({ orgId: org.orgId, name: "web" });
    expect(server?.enabled).toBe(false);
    const serverId = server?.id ?? "";
    await internal.registerTools({ orgId: org.orgId, serverId, tools: ["echo", "add", "echo"] });
    const resolved = await internal.resolveServer({ orgId: org.orgId, name: "web" });
    // Their order is that in which gateways are told of them, see ToolStore.known.
    expect([...resolved.tools].sort()).toEqual(["add", "echo"]);
    const toolId = toolIdToText(toolIdOf(uuidFromText(serverId) ?? Buffer.alloc(16), "echo"));
    const refs = [
      { orgId: org.orgId, kind: NamedKind.TOOL, id: toolId },
      { orgId: org.orgId, kind: NamedKind.SERVER, id: serverId },
      { orgId: org.orgId, kind: NamedKind.USER, id: org.adminUserId },
      { orgId: org.orgId, kind: NamedKind.TEAM, id: hexOf(Buffer.alloc(16)) },
      { orgId: "x", kind: NamedKind.TEAM, id: "y" },
    ];
    const { entries } = await internal.resolveNames({ refs });
    expect(entries.map((entry) => entry.name).sort()).toEqual([
      "admin@servers.example",
      "echo",
      "web",
    ]);

    expect((await call("DELETE", "/v1/servers/web", { key: org.key })).status).toBe(200);
    expect((await call("GET", "/v1/servers/web", { key: org.key })).status).toBe(404);
    await expect(internal.resolveServer({ orgId: org.orgId, name: "web" })).rejects.toThrow(
      "no server",
    );
    const change = { kind: "server", orgId: org.orgId, name: "web" };
    expect(told).toEqual([change, change, change]);
    subscriber.disconnect();
  });
});

describe("Teams and organisations", () => {
  it("limit what their keys reach and how fast, and gateways hear of it", async () => {
    const [org, foreign] = [await newOrg("limits"), await newOrg("limits-foreign")];
    await internal.validateKey({ key: org.key });
    const told: unknown[] = [];
    const subscriber = engines.redis.duplicate();
    await subscriber.subscribe(INVALIDATION_CHANNEL);
    subscriber.on("message", (_channel, message) => told.push(parseInvalidation(message)?.change));
    const path = `/v1/teams/${org.teamId}`;
    const scopes = { servers: ["files"], prompts: ["files/a*"], scopes_mode: "observe" };
    const rateLimit = { rps: 5, burst: 6, mode: "observe" };
    const body = { scopes, rate_limit: rateLimit };
    expect((await call("PATCH", path, { key: foreign.key, body })).status).toBe(404);
    expect((await call("PATCH", path, { key: org.key, body })).body).toMatchObject({ team: body });
    expect(await internal.validateKey({ key: org.key })).toMatchObject({
      teamScopes: { servers: ["files"], prompts: ["files/a*"], scopesMode: PolicyMode.OBSERVE },
      teamRateLimit: { rps: 5, burst: 6, mode: PolicyMode.OBSERVE },
    });
    const settings = {
      rate_limit: { rps: 9, burst: 0, mode: "enforce" },
      list_mode: "strict",
      time_zone: "Europe/Berlin",
      trace_retention_days: 7,
    };
    const nowhere = { time_zone: "Europe/Nowhere" };
    expect(
      (await call("PATCH", "/v1/orgs/current", { key: org.key, body: nowhere })).body,
    ).toMatchObject({ error: { details: [{ field: "time_zone" }] } });
    const changed = await call("PATCH", "/v1/orgs/current", { key: org.key, body: settings });
    expect(changed.body).toMatchObject({ organization: settings });
    expect((await internal.validateKey({ key: org.key })).orgRateLimit?.rps).toBe(9);
    expect((await internal.validateKey({ key: foreign.key })).orgRateLimit).toBeUndefined();
    expect((await internal.listServers({ orgId: org.orgId })).listMode).toBe(ListMode.STRICT);
    const { organization } = await internal.resolveOrganization({ orgId: org.orgId });
    expect(organization).toMatchObject({
      ...{ id: org.orgId, timeZone: "Europe/Berlin", traceRetentionDays: 7 },
    });
    const other = await internal.resolveOrganization({ orgId: foreign.orgId });
    expect(other.organization).toMatchObject({ timeZone: "UTC", traceRetentionDays: 90 });
    const tooLong = { trace_retention_days: 3651 };
    const refused = await call("PATCH", "/v1/orgs/current", { key: org.key, body: tooLong });
    expect(refused.status).toBe(400);
    expect(told).toEqual([
      { kind: "team", orgId: org.orgId, teamId: org.teamId },
      { kind: "org", orgId: org.orgId },
    ]);
    subscriber.disconnect();
  });

  it("bind the keys that their keys make", async () => {
    const org = await newOrg("bind");
    const body = { scopes: { servers: ["files"] } };
    await call("PATCH", `/v1/teams/${org.teamId}`, { key: org.key, body });
    const make = (more: object) =>
      call("POST", "/v1/auth/keys", { key: org.key, body: { name: "x", ...more } });
    expect((await make({})).status).toBe(403);
    expect((await make({ team_id: org.teamId })).status).toBe(200);
  });
});

describe("Tools", () => {
  const listed = (name: string, text: string) => ({
    name,
    definition: Buffer.from(text),
    definitionHash: createHash("sha256").update(text).digest(),
  });

  it("are switched, and their definitions are watched", async () => {
    const url = "http://127.0.0.1:3001/mcp";
    const [org, foreign] = [
      await newOrg("tools", [{ name: "files", url }]),
      await newOrg("tools-foreign", [{ name: "files", url }]),
    ];
    const { orgId } = org;
    const { server } = await internal.resolveServer({ orgId, name: "files" });
    const serverId = server?.id ?? "";
    const register = (...tools: ReturnType<typeof listed>[]) =>
      internal.registerTools({ orgId, serverId, listed: tools });
    const [first, second] = [listed("a/b", '{"name":"a/b"}'), listed("a/b", '{"name":"a/b" }')];
    await register(first, listed("echo", "{}"));
    const get = (path: string, key = org.key) => call("GET", `/v1/servers/files${path}`, { key });
    const page = await get("/tools?limit=1");
    const hash = first.definitionHash.toString("hex");
    expect(page.body).toMatchObject({
      items: [{ name: "a/b", enabled: true, definition_hash: hash }],
      has_more: true,
    });
    expect((await get("/tools", foreign.key)).body.items).toEqual([]);
    const off = { key: org.key, body: { enabled: false } };
    expect((await call("PATCH", "/v1/servers/files/tools/a%2Fb", off)).body).toMatchObject({
      tool: { name: "a/b", enabled: false },
    });
    const known = async () => (await internal.listServers({ orgId })).servers[0]?.tools;
    expect(await known()).toMatchObject([
      { name: "a/b", disabled: true },
      { name: "echo", disabled: false },
    ]);

    await register(second);
    expect(await known()).toMatchObject([
      { definitionHash: second.definitionHash, definitionChangeTime: expect.anything() },
      {},
    ]);
    const { body } = await get("/tools/a%2Fb/definitions");
    expect(body.items).toMatchObject([
      { definition: '{"name":"a/b" }' },
      { definition: '{"name":"a/b"}', hash },
    ]);
    const one = await get("/tools/a%2Fb/definitions?limit=1");
    const next = `/tools/a%2Fb/definitions?cursor=${String(one.body["cursor"])}`;
    expect((await get(next)).body.items).toMatchObject([{ hash }]);
    expect((await get("/tools/a%2Fb/definitions", foreign.key)).body.items).toEqual([]);
    const entries = await engines.redis.xrange(ADMIN_EVENTS_STREAM, "-", "+");
    const events = entries.map(([, [, text]]) => JSON.parse(text ?? "") as AdminEvent);
    expect(events.filter((event) => event.orgId === orgId)).toMatchObject([
      { kind: "tool_definition_changed", server: "files", tool: "a/b", previousHash: hash },
    ]);
  });

  it("have settings of their server", async () => {
    const { key, orgId } = await newOrg("settings");
    const settings = {
      validate_arguments: "enforce",
      transformations: [
        { target: "argument", action: "default", name: "/limit", value: "10", tools: ["list_*"] },
        { target: "header", action: "set", name: "X-Tenant", value: "acme" },
      ],
      idempotent_tools: ["get_*"],
    };
    const body = { name: "web", url: "https://mcp.example.com/mcp", settings };
    const made = await call("POST", "/v1/servers", { key, body });
    expect(made.body).toMatchObject({
      server: { settings: { transformations: [{ name: "/limit" }, { name: "x-tenant" }] } },
    });
    expect((await internal.resolveServer({ orgId, name: "web" })).server?.settings).toMatchObject({
      validateArguments: ArgumentValidation.ENFORCE,
      idempotentTools: ["get_*"],
    });
    const bad = {
      transformations: [{ target: "header", action: "set", name: "Host", value: "x" }],
    };
    const refused = await call("PATCH", "/v1/servers/web", { key, body: { settings: bad } });
    expect(refused.body).toMatchObject({
      error: { details: [{ field: "settings.transformations[0].name" }] },
    });
    await call("PATCH", "/v1/servers/web", { key, body: { enabled: false, settings: {} } });
    expect((await internal.listServers({ orgId })).servers).toEqual([]);
    await call("PATCH", "/v1/servers/web", { key, body: { enabled: true } });
    expect((await internal.listServers({ orgId })).servers).toMatchObject([
      { server: { name: "web", settings: { transformations: [] } } },
    ]);
  });
});

describe("texts that PostgreSQL cannot keep", () => {
  it("are wrong requests, not errors of ours", async () => {
    const { key } = await newOrg("nul");
    for (const [path, body] of [
      ["/v1/teams", { name: "a\0b", slug: "a" }],
      ["/v1/auth/keys", { name: "a\0b" }],
    ] as const)
      expect((await call("POST", path, { key, body })).status).toBe(400);
    expect((await call("GET", "/v1/servers/a%00b", { key })).status).toBe(400);
  });
});

describe("the log", () => {
  it("holds no secret", () => {
    const text = auth.output();
    expect(text).toContain("ready");
    expect(text).not.toMatch(/gwo_(test|dev|prod)_[0-9A-Za-z]{20,}/);
    for (const secret of [PASSWORD, auth.internalSecret]) expect(text).not.toContain(secret);
  });
});
