import { BenchError } from "./bench-error.ts";
import type { StackFile } from "./gateway-stack.ts";
import { WORKLOAD } from "./workload.ts";

/** What the ledger says of one MCP server. */
export type LedgerLine = {
  readonly calls: number;
  readonly errors: number;
  readonly costUsdMicros: number;
};

/** Registers the upstream as an administrator would, and gives its calls a price. */
export async function registerUpstream(
  stack: StackFile,
  upstreamUrl: string,
  signal: AbortSignal,
): Promise<void> {
  const signIn = await post(stack, "/v1/auth/session", stack.admin, "", signal);
  const cookie = signIn.headers.getSetCookie().map((line) => line.split(";")[0] ?? "");
  const as = cookie.join("; ");
  await post(stack, "/v1/servers", { name: WORKLOAD.server, url: upstreamUrl }, as, signal);
  const price = { server: WORKLOAD.server, tool: "*", per_call: WORKLOAD.priceUsdMicros / 1e6 };
  await post(stack, "/v1/prices", price, as, signal);
}

/** The ledger's line of the benchmark's server since a day, YYYY-MM-DD. */
export async function readLedger(
  stack: StackFile,
  firstDay: string,
  signal: AbortSignal,
): Promise<LedgerLine> {
  const today = new Date().toISOString().slice(0, 10);
  const response = await fetch(
    `${stack.gatewayUrl}/v1/costs/summary?start_date=${firstDay}&end_date=${today}&group_by=server`,
    { headers: { authorization: `Bearer ${stack.apiKey}` }, signal },
  );
  await expectOk(response);
  const { breakdown } = (await response.json()) as {
    breakdown: { group: string; cost: number; calls: number; errors: number }[];
  };
  const line = breakdown.find(({ group }) => group === WORKLOAD.server);
  return {
    calls: line?.calls ?? 0,
    errors: line?.errors ?? 0,
    costUsdMicros: Math.round((line?.cost ?? 0) * 1e6),
  };
}

async function post(
  stack: StackFile,
  path: string,
  body: unknown,
  cookie: string,
  signal: AbortSignal,
): Promise<Response> {
  const response = await fetch(stack.gatewayUrl + path, {
    method: "POST",
    // Sessions are taken from our own pages only, and this says that it is one.
    headers: { "content-type": "application/json", "sec-fetch-site": "same-origin", cookie },
    body: JSON.stringify(body),
    signal,
  });
  await expectOk(response);
  return response;
}

async function expectOk(response: Response): Promise<void> {
  if (response.ok) return;
  throw new BenchError(
    `${new URL(response.url).pathname} answers ${response.status}: ${await response.text()}`,
    "The control plane must work before the gateway can be measured: run the tests of the services.",
  );
}
