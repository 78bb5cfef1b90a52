import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { runAuth, startAuthProcess } from "./auth-process.ts";
import { startEngines, type TestEngines } from "./engines.ts";

let engines: TestEngines;

beforeAll(async () => {
  engines = await startEngines();
}, 120_000);

afterAll(() => engines.stop(), 30_000);

describe("main.ts", () => {
  it("refuses to start with every problem of its settings at once", async () => {
    const run = runAuth([], { GWO_REDIS_URL: "http://x", GWO_INTERNAL_SECRET: "short" });
    expect(await run.exited).toBe(78);
    for (const name of [
      "GWO_POSTGRES_URL",
      "GWO_REDIS_URL",
      "GWO_INTERNAL_SECRET",
      "GWO_KEY_CACHE_SECRET",
    ])
      expect(run.output()).toContain(name);
    expect(run.output()).not.toContain("short");
  });

  it("migrates and exits with --migrate", async () => {
    const secret = "x".repeat(32);
    const run = runAuth(["--migrate"], {
      GWO_POSTGRES_URL: engines.postgresUrl,
      GWO_REDIS_URL: "redis://127.0.0.1:1",
      GWO_INTERNAL_SECRET: secret,
      GWO_KEY_CACHE_SECRET: secret,
    });
    expect(await run.exited).toBe(0);
    expect(run.output()).toContain("the schema is up to date");
  });

  it("is ready, and ends in order at SIGTERM", async () => {
    const auth = await startAuthProcess(engines);
    const ready = await fetch(`${auth.httpUrl}/ready`);
    expect(await ready.json()).toEqual({ ready: true, problems: [] });
    const metrics = await (await fetch(`${auth.httpUrl}/metrics`)).text();
    expect(metrics).toContain("auth_key_validations_total");
    expect(metrics).toContain(
      'db_query_duration_seconds_count{store="postgres",operation="probe"} 1',
    );
    expect(await auth.stop()).toBe(0);
    expect(auth.output()).not.toContain('"level":"warn"');
  });
});
