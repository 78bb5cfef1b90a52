import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import {
  makeKey,
  makeServer,
  makeTeam,
  revokeKey,
  setPrice,
  signIn,
  type Admin,
} from "./control-plane.ts";
import { startSteadyCallers, type SteadyCall, type SteadyCallers } from "./steady-callers.ts";
import { callTool, readStack, urlOf, waitFor } from "./stack.ts";

const stack = readStack();
/** Milliseconds after a change was answered within which every worker follows it: what the product promises. */
const EFFECTIVE_MS = 1_000;
/** Connections of the steady callers: enough that each of two workers has many. */
const CONNECTIONS = 12;

let admin: Admin;
let callers: SteadyCallers | undefined;

beforeAll(async () => {
  admin = await signIn(stack);
});

afterEach(async () => {
  await callers?.stop();
  callers = undefined;
});

async function startCalling(key: string, server: string): Promise<SteadyCallers> {
  const started = startSteadyCallers(stack, { key, server, connections: CONNECTIONS });
  callers = started;
  await waitFor("every connection was answered twice", 15_000, () =>
    isOnAll(
      started.calls.filter(({ status }) => status === 200),
      2,
    )
      ? true
      : undefined,
  );
  return started;
}

function isOnAll(calls: readonly SteadyCall[], times: number): boolean {
  return Array.from({ length: CONNECTIONS }).every(
    (_, connection) => calls.filter((call) => call.connection === connection).length >= times,
  );
}

/** The calls that were sent after the promise was due, once there are some on every connection. */
async function callsAfterDue(
  { calls }: SteadyCallers,
  changedMs: number,
): Promise<readonly SteadyCall[]> {
  const dueMs = changedMs + EFFECTIVE_MS;
  const late = (): readonly SteadyCall[] => calls.filter(({ sentMs }) => sentMs > dueMs);
  await waitFor("calls after the change on every connection", 15_000, () =>
    isOnAll(late(), 2) ? true : undefined,
  );
  return late();
}

function answersOf(calls: readonly SteadyCall[]): string[] {
  return [...new Set(calls.map(({ status, reason }) => `${String(status)} ${reason}`))];
}

describe("a change in the control plane counts in every worker within a second", () => {
  it("a revoked key is refused on connections that it had opened", async () => {
    const key = await makeKey(admin);
    const steady = await startCalling(key.secret, "everything");
    expect(answersOf(steady.calls)).toEqual(["200 "]);
    await revokeKey(admin, key.id);
    const late = await callsAfterDue(steady, performance.now());
    expect(answersOf(late)).toEqual(["401 KEY_REVOKED"]);
  }, 45_000);

  it("a server that is switched off is refused, and served again when it is switched on", async () => {
    const key = await makeKey(admin);
    const server = await makeServer(admin, { url: urlOf(stack, "mcp-everything") });
    const steady = await startCalling(key.secret, server);
    await admin.ask("PATCH", `/v1/servers/${server}`, { enabled: false });
    expect(answersOf(await callsAfterDue(steady, performance.now()))).toEqual([
      "403 SERVER_DISABLED",
    ]);
    await admin.ask("PATCH", `/v1/servers/${server}`, { enabled: true });
    expect(answersOf(await callsAfterDue(steady, performance.now()))).toEqual(["200 "]);
  }, 60_000);

  it("a removed server is unknown", async () => {
    const key = await makeKey(admin);
    const server = await makeServer(admin, { url: urlOf(stack, "mcp-everything") });
    const steady = await startCalling(key.secret, server);
    await admin.ask("DELETE", `/v1/servers/${server}`);
    expect(answersOf(await callsAfterDue(steady, performance.now()))).toEqual([
      "404 SERVER_UNKNOWN",
    ]);
  }, 45_000);

  it("a suspended key is refused, and taken again when it is resumed", async () => {
    const key = await makeKey(admin);
    const steady = await startCalling(key.secret, "everything");
    await admin.ask("PATCH", `/v1/auth/keys/${key.id}`, { suspended: true });
    expect(answersOf(await callsAfterDue(steady, performance.now()))).toEqual([
      "403 KEY_SUSPENDED",
    ]);
    await admin.ask("PATCH", `/v1/auth/keys/${key.id}`, { suspended: false });
    expect(answersOf(await callsAfterDue(steady, performance.now()))).toEqual(["200 "]);
  }, 60_000);

  it("a tool that is switched off is refused, and called again when it is switched on", async () => {
    const key = await makeKey(admin);
    const server = await makeServer(admin, { url: urlOf(stack, "mcp-everything") });
    const steady = await startCalling(key.secret, server);
    const tool = `/v1/servers/${server}/tools/echo`;
    await admin.ask("PATCH", tool, { enabled: false });
    expect(answersOf(await callsAfterDue(steady, performance.now()))).toEqual([
      "403 TOOL_DISABLED",
    ]);
    await admin.ask("PATCH", tool, { enabled: true });
    expect(answersOf(await callsAfterDue(steady, performance.now()))).toEqual(["200 "]);
  }, 60_000);

  it("scopes of the key's team are its own", async () => {
    const team = await makeTeam(admin);
    const key = await makeKey(admin, { teamId: team.id });
    const steady = await startCalling(key.secret, "everything");
    const scopes = { servers: ["*"], deny_tools: ["everything/e*o"] };
    await admin.ask("PATCH", `/v1/teams/${team.id}`, { scopes });
    expect(answersOf(await callsAfterDue(steady, performance.now()))).toEqual(["403 SCOPE_DENIED"]);
  }, 45_000);

  it("a new price is charged", async () => {
    const key = await makeKey(admin);
    const server = await makeServer(admin, { url: urlOf(stack, "mcp-everything") });
    const costOf = async (): Promise<unknown> => {
      const answer = await callTool(stack, key.secret, {
        server,
        tool: "echo",
        arguments: { message: "x" },
      });
      return (answer.json as { metadata?: { cost: number } }).metadata?.cost;
    };
    // Both workers know the old price: none.
    expect(await Promise.all(Array.from({ length: 8 }, costOf))).toEqual(new Array(8).fill(0));
    await setPrice(admin, { server, tool: "echo", usd: "0.000003" });
    const dueMs = performance.now() + EFFECTIVE_MS;
    await waitFor("the change is due", EFFECTIVE_MS + 500, () =>
      performance.now() > dueMs ? true : undefined,
    );
    expect(await Promise.all(Array.from({ length: 8 }, costOf))).toEqual(
      new Array(8).fill(0.000003),
    );
  });
});
