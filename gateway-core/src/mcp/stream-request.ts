import type { McpExchange } from "./mcp-exchange.ts";

/** True for what opens a stream that lasts as long as its agent likes: a GET, or `subscriptions/listen`. */
export function isStreamRequest({ httpMethod, message }: McpExchange): boolean {
  return httpMethod === "GET" || message.method === "subscriptions/listen";
}
