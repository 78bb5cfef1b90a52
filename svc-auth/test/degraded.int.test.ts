import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { generateApiKey } from "@gatewayops/platform/api-key";
import { createInternalClient } from "@gatewayops/platform/rpc/client";
import { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { startAuthProcess, type AuthProcess } from "./auth-process.ts";
import { startCuttableProxy, type CuttableProxy } from "./cuttable-proxy.ts";
import { startEngines, type TestEngines } from "./engines.ts";

let engines: TestEngines;
let postgres: CuttableProxy;
let redis: CuttableProxy;
let auth: AuthProcess;
let internal: Client<typeof InternalAuthService>;
let adminKey: string;

beforeAll(async () => {
  engines = await startEngines();
  postgres = await startCuttableProxy(engines.postgresUrl);
  redis = await startCuttableProxy(engines.redisUrl);
  auth = await startAuthProcess({ postgresUrl: postgres.url, redisUrl: redis.url });
  internal = createInternalClient(InternalAuthService, {
    baseUrl: auth.grpcUrl,
    internalSecret: auth.internalSecret,
  });
  adminKey = generateApiKey("test");
  await internal.bootstrap({
    orgName: "Degraded",
    orgSlug: "degraded",
    teamName: "Core",
    teamSlug: "core",
    adminEmail: "admin@degraded.example",
    adminPassword: "correct horse battery",
    apiKey: adminKey,
    apiKeyName: "stack",
    apiKeyScopes: { servers: ["*"], permissions: ["*"] },
  });
}, 120_000);

afterAll(async () => {
  await auth.stop();
  await Promise.all([postgres.close(), redis.close()]);
  await engines.stop();
}, 30_000);

async function rest(method: string, path: string, body?: object) {
  const response = await fetch(auth.httpUrl + path, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function newKey(): Promise<{ id: string; secret: string }> {
  const { body } = await rest("POST", "/v1/auth/keys", { name: "k" });
  return { id: (body["api_key"] as { id: string }).id, secret: String(body["secret"]) };
}

const outcomeOf = (key: string) =>
  internal.validateKey({ key }).then(
    () => "admitted",
    (error: unknown) => (error as Error).message,
  );

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let time = 0; time < 100; time += 1) {
    if (await holds()) return;
    await sleep(50);
  }
  throw new Error("it did not become true within five seconds");
}

describe("without Redis", () => {
  it("checks keys in the database, and tells a revocation as soon as Redis is back", async () => {
    const key = await newKey();
    const other = await newKey();
    expect(await outcomeOf(key.secret)).toBe("admitted");
    redis.cut();
    expect(await outcomeOf(other.secret)).toBe("admitted");
    const signIn = { email: "admin@degraded.example", password: "correct horse battery" };
    const refused = await rest("POST", "/v1/auth/session", signIn);
    expect(refused.status).toBe(503);
    expect((await rest("DELETE", `/v1/auth/keys/${key.id}`)).status).toBe(200);
    expect(await outcomeOf(key.secret)).toContain("revoked");
    redis.restore();
    await until(async () => (await rest("POST", "/v1/auth/session", signIn)).status === 200);
    await until(async () => {
      const { rows } = await engines.pool.query("SELECT 1 FROM pending_changes");
      return rows.length === 0;
    });
    expect(await outcomeOf(key.secret)).toContain("revoked");
    expect(auth.output()).toContain("keys are checked in PostgreSQL");
    expect(await (await fetch(`${auth.httpUrl}/metrics`)).text()).toMatch(
      /auth_key_cache_failures_total [1-9]/,
    );
  }, 30_000);
});

describe("without Postgres", () => {
  it("admits the keys it knows, is not ready, and comes back", async () => {
    const [known, unknown] = [await newKey(), await newKey()];
    expect(await outcomeOf(known.secret)).toBe("admitted");
    postgres.cut();
    expect(await outcomeOf(known.secret)).toBe("admitted");
    await expect(internal.validateKey({ key: unknown.secret })).rejects.toMatchObject({
      rawMessage: expect.stringContaining("cannot be checked now"),
    });
    expect((await fetch(`${auth.httpUrl}/ready`)).status).toBe(503);
    postgres.restore();
    expect(await outcomeOf(unknown.secret)).toBe("admitted");
    expect((await fetch(`${auth.httpUrl}/ready`)).status).toBe(200);
  }, 30_000);
});
