import { statSync } from "node:fs";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "@jest/globals";
import pg from "pg";

import { startPostgres } from "../src/postgres.ts";
import { crash, createFixture, processExists } from "./engine-fixture.ts";

const fixture = createFixture();
afterAll(() => fixture.dispose());

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  // A server that is killed breaks its connections.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe("startPostgres", () => {
  it("starts on an empty directory, keeps commits over kill -9 and leaves no process", async () => {
    const options = fixture.options("postgres");
    const first = await fixture.start(startPostgres(options));
    expect(await query(first.url, "SELECT current_database() AS name")).toEqual([
      { name: "gatewayops" },
    ]);
    await query(first.url, "CREATE TABLE kept (id integer PRIMARY KEY)");
    await query(first.url, "INSERT INTO kept VALUES (1), (2)");

    await expect(startPostgres(options)).rejects.toMatchObject({
      name: "EngineError",
      message: expect.stringContaining(`process ${String(first.pid)}`),
    });
    await crash(first);

    const second = await fixture.start(startPostgres(options));
    expect(await query(second.url, "SELECT count(*)::int AS count FROM kept")).toEqual([
      { count: 2 },
    ]);
    await second.stop();
    await second.stop();
    expect(await second.exited).toEqual({ code: 0, signal: null });
    expect(processExists(second.pid)).toBe(false);
  });

  it("keeps the password in a file that only its owner reads, and refuses a wrong one", async () => {
    const options = fixture.options("secret");
    const server = await fixture.start(startPostgres(options));
    expect(statSync(join(options.dataDir, "password")).mode & 0o777).toBe(0o600);
    const wrong = server.url.replace(/:[^:@]+@/, ":wrong@");
    await expect(query(wrong, "SELECT 1")).rejects.toMatchObject({ code: "28P01" });
  });

  it("says which port is taken", async () => {
    const running = await fixture.start(startPostgres(fixture.options("one")));
    const port = Number(new URL(running.url).port);
    await expect(startPostgres({ ...fixture.options("two"), port })).rejects.toMatchObject({
      message: expect.stringContaining(`port ${String(port)}`),
    });
  });
});
