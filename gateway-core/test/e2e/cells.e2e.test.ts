import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { describeCell, type Era } from "../cells.contract.ts";
import { startLegacyServer } from "../conformance/fixtures/legacy-server.ts";
import type { LoopbackServer } from "../conformance/fixtures/loopback.ts";
import { startModernServer } from "../conformance/fixtures/modern-server.ts";
import { connectV1, connectV2, type ConnectSdk } from "../sdk-clients.ts";
import { createWaitingTool } from "../waiting-tool.ts";
import { makeKey, makeServer, signIn } from "./control-plane.ts";
import { createInspector } from "./inspector.ts";
import { mcpUrl, readStack } from "./stack.ts";

const stack = readStack();
const waiting = createWaitingTool();
const fixtures: LoopbackServer[] = [];
/** Names of the registered fixtures, by their era. */
const names: Partial<Record<Era, string>> = {};
let key: string;

beforeAll(async () => {
  const admin = await signIn(stack);
  key = (await makeKey(admin)).secret;
  const options = { plainTools: [waiting.tool] };
  const [legacy, modern] = [await startLegacyServer(options), await startModernServer(options)];
  fixtures.push(legacy, modern);
  names.legacy = await makeServer(admin, { url: legacy.url });
  names.modern = await makeServer(admin, { url: modern.url });
});

afterAll(async () => {
  for (const fixture of fixtures) await fixture.close();
});

const CLIENTS: readonly {
  name: string;
  connect: ConnectSdk;
  /** The era that the client speaks with a server of an era. */
  eraWith(server: Era): Era;
}[] = [
  { name: "sdk 1.x", connect: connectV1, eraWith: () => "legacy" },
  { name: "client 2.x", connect: connectV2(), eraWith: () => "legacy" },
  {
    name: "client 2.x, pinned",
    connect: connectV2({ pin: "2026-07-28" }),
    eraWith: () => "modern",
  },
  // The gateway speaks both eras to every agent, whatever the server's is.
  { name: "client 2.x, auto", connect: connectV2("auto"), eraWith: () => "modern" },
];

const SERVERS = ["legacy", "modern"] as const;

for (const { name, connect, eraWith } of CLIENTS)
  for (const server of SERVERS)
    describeCell(`@modelcontextprotocol/${name} with a ${server} server`, {
      agent: eraWith(server),
      server,
      connect: () => connect(mcpUrl(stack, names[server] ?? ""), key, { isAskable: true }),
      waiting: () => waiting,
    });

describe.each(
  (["legacy", "modern"] as const).flatMap((agent) => SERVERS.map((server) => ({ agent, server }))),
)("MCP Inspector CLI, $agent, with a $server server", ({ agent, server }) => {
  const inspector = createInspector(() => key);

  afterAll(() => {
    inspector.close();
  });

  /** What a method answers, as the Inspector prints it. */
  async function resultOf(...args: string[]): Promise<Record<string, unknown>> {
    const url = mcpUrl(stack, names[server] ?? "");
    const { code, stdout, stderr } = await inspector.run(url, "--protocol-era", agent, ...args);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    return (JSON.parse(stdout) as { result: Record<string, unknown> }).result;
  }

  it("lists tools, resources and prompts, and calls a tool", async () => {
    const named = (name: string) => expect.arrayContaining([expect.objectContaining({ name })]);
    const { tools } = await resultOf("--method", "tools/list");
    expect(tools).toEqual(named("test_simple_text"));
    const { resources } = await resultOf("--method", "resources/list");
    expect(resources).toEqual(named("Static text"));
    const { prompts } = await resultOf("--method", "prompts/list");
    expect(prompts).toEqual(named("test_simple_prompt"));
    const { content } = await resultOf(
      ...["--method", "tools/call", "--tool-name", "test_simple_text"],
    );
    expect(content).toEqual([
      { type: "text", text: "This is a simple text response for testing." },
    ]);
  }, 60_000);
});
