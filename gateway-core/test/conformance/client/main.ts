// The client under test: the suite runs it with the URL of its MCP server, which it calls through the running gateway.
import { makeServer, signIn } from "../../e2e/control-plane.ts";
import { mcpUrl, readStack } from "../../e2e/stack.ts";
import type { Era } from "../runner/cells.ts";
import { SCRIPTS, type ScenarioContext } from "./scripts.ts";
import { connect } from "./sdk-client.ts";

const { MCP_CONFORMANCE_SCENARIO = "", MCP_CONFORMANCE_CONTEXT = "{}" } = process.env;
const [era, upstreamUrl] = process.argv.slice(2) as [Era, string];
const script = SCRIPTS.get(MCP_CONFORMANCE_SCENARIO);
if (!script) throw new Error(`There is no script for the scenario ${MCP_CONFORMANCE_SCENARIO}.`);

const stack = readStack();
const server = await makeServer(await signIn(stack), { url: upstreamUrl });
const target = { url: mcpUrl(stack, server), apiKey: stack.apiKey };
const client = await connect(era, target, script.form ?? {});
try {
  await script.run(client, JSON.parse(MCP_CONFORMANCE_CONTEXT) as ScenarioContext);
} finally {
  await client.close();
}
