/** The work every target does, in the same bytes. */
export const WORKLOAD = {
  /** Path at every target, that of the gateway. */
  path: "/v1/mcp/bench",
  /** Name of the MCP server in GatewayOps. */
  server: "bench",
  request:
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hello"}}}',
  answer:
    '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"hello from the server of the benchmark"}],"isError":false}}',
  /** Price of one call in micro-USD. */
  priceUsdMicros: 250,
} as const;
