import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** An MCP server that counts how often each call ran. */
export type CountingUpstream = {
  readonly url: string;
  /** Runs by the call's own number. */
  readonly runs: ReadonlyMap<string, number>;
  close(): Promise<void>;
};

/** Serves `work` (legacy era, no sessions), which takes a while, so that there always are calls in flight. */
export async function startCountingUpstream(delayMs: number): Promise<CountingUpstream> {
  const runs = new Map<string, number>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const message = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Message;
      if (message.id === undefined) {
        response.writeHead(202).end();
        return;
      }
      const number = message.params?.arguments?.number;
      if (number !== undefined) runs.set(number, (runs.get(number) ?? 0) + 1);
      setTimeout(
        () => {
          response.writeHead(200, { "content-type": "application/json" });
          response.end(
            JSON.stringify({ jsonrpc: "2.0", id: message.id, result: resultOf(message.method) }),
          );
        },
        message.method === "tools/call" ? delayMs : 0,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    runs,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Message = { id?: number; method: string; params?: { arguments?: { number?: string } } };

function resultOf(method: string): object {
  if (method === "initialize")
    return {
      protocolVersion: "2025-11-25",
      capabilities: { tools: {} },
      serverInfo: { name: "counting", version: "1" },
    };
  if (method === "tools/list")
    return { tools: TOOLS.map((name) => ({ name, inputSchema: { type: "object" } })) };
  return { content: [{ type: "text", text: "done" }] };
}

/** Tools of different price, so that a wrong assignment shows in the sum. */
export const TOOLS = ["cheap", "dear"] as const;
