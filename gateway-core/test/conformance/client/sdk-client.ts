import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from "@modelcontextprotocol/client";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as LegacyTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import type { Era } from "../runner/cells.ts";

/** What a script does with an official client, whichever era it speaks. */
export type ScriptedClient = {
  listTools(): Promise<{ tools: { name: string; inputSchema: unknown }[] }>;
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  listResources(): Promise<{ resources: { uri: string }[] }>;
  readResource(params: { uri: string }): Promise<unknown>;
  listPrompts(): Promise<{ prompts: { name: string }[] }>;
  getPrompt(params: { name: string }): Promise<unknown>;
  close(): Promise<void>;
};

const ME = { name: "gatewayops-conformance", version: "1.0.0" };
const CAPABILITIES = { elicitation: { form: { applyDefaults: true } } };

/**
 * Connects a client of one era.
 *
 * @param form what the user fills into every form; the rest are defaults
 */
export async function connect(
  era: Era,
  target: { readonly url: URL; readonly apiKey: string },
  form: Readonly<Record<string, boolean>>,
): Promise<ScriptedClient> {
  const requestInit = { headers: { authorization: `Bearer ${target.apiKey}` } };
  const accepted = () => ({ action: "accept" as const, content: { ...form } });
  if (era === "legacy") {
    const client = new LegacyClient(ME, { capabilities: CAPABILITIES });
    client.setRequestHandler(ElicitRequestSchema, accepted);
    await client.connect(new LegacyTransport(target.url, { requestInit }));
    return client;
  }
  const client = new ModernClient(ME, {
    capabilities: CAPABILITIES,
    versionNegotiation: { mode: { pin: "2026-07-28" } },
  });
  client.setRequestHandler("elicitation/create", accepted);
  await client.connect(new ModernTransport(target.url, { requestInit }));
  return client;
}
