import { randomBytes } from "node:crypto";
import { makeServer, setPrice, type Admin } from "./control-plane.ts";
import { openSession } from "./mcp-session.ts";
import { bearer, mcpUrl, send, urlOf, type Stack } from "./stack.ts";

/** Prices in dollars by tool of the priced server; "*" is every other tool. */
const PRICES = {
  echo: "0.000137",
  "get-sum": "0.002501",
  "get-structured-content": "12.345678",
  "*": "0.000009",
};

/** Where the calls go: one server whose tools have different prices, and one whose calls are free by rule. */
export type Servers = { readonly priced: string; readonly free: string };

type Call = {
  readonly server: keyof Servers;
  readonly tool: string;
  readonly arguments: object;
  readonly face: "rest" | "mcp";
  readonly count: number;
};

const LOCATION = { location: "New York" };

/**
 * 1,000 calls. By hand, in micro-USD:
 *
 *     400 × echo                        137 =        54,800
 *     300 × get-sum                   2,501 =       750,300
 *     100 × get-structured-content    12,345,678 = 1,234,567,800
 *     150 × get-tiny-image (by "*")         9 =         1,350
 *      50 × echo, free                      0 =             0
 *                                             = 1,235,374,250
 */
const CALLS: readonly Call[] = [
  { server: "priced", tool: "echo", arguments: { message: "hi" }, face: "rest", count: 300 },
  { server: "priced", tool: "echo", arguments: { message: "hi" }, face: "mcp", count: 100 },
  { server: "priced", tool: "get-sum", arguments: { a: 1, b: 2 }, face: "rest", count: 200 },
  { server: "priced", tool: "get-sum", arguments: { a: 1, b: 2 }, face: "mcp", count: 100 },
  {
    server: "priced",
    tool: "get-structured-content",
    arguments: LOCATION,
    face: "rest",
    count: 100,
  },
  { server: "priced", tool: "get-tiny-image", arguments: {}, face: "rest", count: 150 },
  { server: "free", tool: "echo", arguments: { message: "hi" }, face: "rest", count: 50 },
];

/** What the books must say. */
export const EXPECTED = {
  calls: 1_000,
  costUsdMicros: 1_235_374_250,
  priced: { calls: 950, costUsdMicros: 1_235_374_250 },
  free: { calls: 50, costUsdMicros: 0 },
  /** The calls that share a trace: one echo, one get-sum, one get-structured-content. */
  trace: { calls: 3, costUsdMicros: 12_348_316 },
} as const;

/** Registers two servers with prices, both in truth the stack's "everything". */
export async function makePricedServers(stack: Stack, admin: Admin): Promise<Servers> {
  const url = urlOf(stack, "mcp-everything");
  const priced = await makeServer(admin, { url });
  const free = await makeServer(admin, { url });
  for (const [tool, usd] of Object.entries(PRICES))
    await setPrice(admin, { server: priced, tool, usd });
  await setPrice(admin, { server: free, tool: "*", usd: "0" });
  return { priced, free };
}

export type Made = {
  /** Request ids as the agents got them. */
  readonly requestIds: readonly string[];
  /** Trace id of the three calls that say they belong together. */
  readonly traceId: string;
};

/** Calls at once: enough connections that both workers get some. */
const LANES = 16;

/** Makes the 1,000 calls. Fails when one of them does not succeed. */
export async function makeCalls(stack: Stack, key: string, servers: Servers): Promise<Made> {
  const traceId = randomBytes(16).toString("hex");
  const session = await openSession(stack, servers.priced, key);
  const requestIds: string[] = [];
  let lastId = 1_000;
  const traced = new Set<string>();

  const make = async (call: Call): Promise<void> => {
    const params = { name: call.tool, arguments: call.arguments };
    if (call.face === "mcp") {
      const answer = await session.post({
        jsonrpc: "2.0",
        id: ++lastId,
        method: "tools/call",
        params,
      });
      const text = await answer.text();
      if (answer.status !== 200 || !text.includes('"content"'))
        throw new Error(`${call.tool}: ${text}`);
      requestIds.push(answer.headers.get("x-request-id") ?? "");
      return;
    }
    const isTraced = call.server === "priced" && TRACED.has(call.tool) && !traced.has(call.tool);
    if (isTraced) traced.add(call.tool);
    const answer = await send(`${mcpUrl(stack, servers[call.server]).href}/tools/call`, {
      headers: {
        ...bearer(key),
        ...(isTraced && { traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01` }),
      },
      body: { tool: call.tool, arguments: call.arguments },
    });
    if (answer.status !== 200)
      throw new Error(`${call.tool}: ${String(answer.status)} ${answer.text}`);
    requestIds.push(answer.headers.get("x-request-id") ?? "");
  };

  const queue = CALLS.flatMap((call) => new Array<Call>(call.count).fill(call));
  // Kinds are mixed, the same way at every run.
  const mixed = queue.map((_, at) => queue[(at * 373) % queue.length] as Call);
  const lane = async (): Promise<void> => {
    for (let call = mixed.pop(); call; call = mixed.pop()) await make(call);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return { requestIds, traceId };
}

const TRACED: ReadonlySet<string> = new Set(["echo", "get-sum", "get-structured-content"]);
