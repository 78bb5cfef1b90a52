import { Agent, request } from "node:http";
import { bearer, type Stack } from "./stack.ts";

/** One call of a steady caller. */
export type SteadyCall = {
  /** When it was sent, by `performance.now()`. */
  readonly sentMs: number;
  readonly status: number;
  /** `error.reason`; empty for a success. */
  readonly reason: string;
  /** Which of the connections. */
  readonly connection: number;
};

export type SteadyCallers = {
  /** Every call so far, in order of their answers. */
  readonly calls: readonly SteadyCall[];
  /** Ends the calls and closes the connections. */
  stop(): Promise<void>;
};

/**
 * Calls a tool over and over on kept-alive connections, so many that every worker of the gateway has some: connections
 * are given to workers in turn.
 */
export function startSteadyCallers(
  stack: Stack,
  options: { readonly key: string; readonly server: string; readonly connections: number },
): SteadyCallers {
  const calls: SteadyCall[] = [];
  const agents = Array.from(
    { length: options.connections },
    () => new Agent({ keepAlive: true, maxSockets: 1 }),
  );
  let isStopped = false;
  const loops = agents.map(async (agent, connection) => {
    while (!isStopped) {
      const sentMs = performance.now();
      const { status, body } = await post(stack, options, agent);
      const reason = (JSON.parse(body) as { error?: { reason?: string } }).error?.reason ?? "";
      calls.push({ sentMs, status, reason, connection });
    }
  });
  return {
    calls,
    async stop() {
      isStopped = true;
      await Promise.all(loops);
      for (const agent of agents) agent.destroy();
    },
  };
}

function post(
  stack: Stack,
  { key, server }: { readonly key: string; readonly server: string },
  agent: Agent,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(`${stack.gatewayUrl}/v1/mcp/${server}/tools/call`, {
      method: "POST",
      agent,
      headers: { ...bearer(key), "content-type": "application/json" },
    });
    sent.on("error", reject);
    sent.on("response", (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (part: string) => (body += part));
      answer.on("end", () => {
        resolve({ status: answer.statusCode ?? 0, body });
      });
      answer.on("error", reject);
    });
    sent.end('{"tool":"echo","arguments":{"message":"x"}}');
  });
}
