import type { Stack } from "./stack-file.ts";

/** What a person is told when the stack is ready: where to go and lines to paste. */
export function announce(
  stack: Stack,
  about: { readonly directory: string; readonly seconds: number; readonly detached: boolean },
): string {
  const server = `${stack.gatewayUrl}/v1/mcp/everything`;
  const bearer = `"Authorization: Bearer ${stack.apiKey}"`;
  const data = `--data ${shellWord(about.directory)}`;
  return `
GatewayOps is ready (${about.seconds.toFixed(1)} s).

  console   ${stack.consoleUrl}
  login     ${stack.admin.email}
  password  ${stack.admin.password}
  API key   ${stack.apiKey}
  gateway   ${stack.gatewayUrl}   gRPC ${stack.grpcUrl}
  data      ${about.directory}   logs in ${about.directory}/logs

Call a tool with curl:
  curl -s ${stack.gatewayUrl}/v1/mcp/everything/tools/call -H ${bearer} -H "Content-Type: application/json" -d '{"tool":"echo","arguments":{"message":"hello"}}'

List tools with MCP Inspector:
  npx @modelcontextprotocol/inspector --cli ${server} --transport http --header ${bearer} --method tools/list

Give the server to Claude Code:
  claude mcp add --transport http everything ${server} --header ${bearer}

Every answer carries x-request-id. What happened to a call, and all calls as they come:
  npx gwo explain <request-id> ${data}
  npx gwo tail ${data}

${about.detached ? `It runs in the background. Stop it: npx gwo down ${data}` : "Ctrl-C stops it."}
`;
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
