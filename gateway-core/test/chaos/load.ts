import { randomBytes } from "node:crypto";
import { Pool } from "undici";
import { TOOLS } from "./upstream.ts";

/** What the client saw of one call. The trace id, chosen by the client, finds its record. */
export type OfferedCall = {
  readonly number: string;
  readonly traceId: string;
  readonly tool: (typeof TOOLS)[number];
  /** True when a result arrived, whole. */
  isAnswered: boolean;
  /** What went wrong otherwise. */
  problem: string;
};

export type LoadOptions = {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly server: string;
  readonly calls: number;
  readonly connections: number;
  /** Told after each call how many have ended. */
  readonly onProgress: (ended: number) => void;
};

/** Milliseconds a client gives a call. */
const TIMEOUT_MS = 20_000;

/** Offers calls in a closed loop, each once: a call that fails is not tried again. */
export async function offerCalls(options: LoadOptions): Promise<OfferedCall[]> {
  const pool = new Pool(options.gatewayUrl, { connections: options.connections });
  const offered: OfferedCall[] = [];
  let ended = 0;
  await Promise.all(
    Array.from({ length: options.connections }, async () => {
      while (offered.length < options.calls) {
        const call = newCall(offered.length);
        offered.push(call);
        await offer(pool, call, options);
        options.onProgress(++ended);
      }
    }),
  );
  await pool.close();
  return offered;
}

function newCall(index: number): OfferedCall {
  return {
    number: String(index),
    traceId: randomBytes(16).toString("hex"),
    tool: TOOLS[index % TOOLS.length] ?? TOOLS[0],
    isAnswered: false,
    problem: "",
  };
}

async function offer(pool: Pool, call: OfferedCall, options: LoadOptions): Promise<void> {
  try {
    const response = await pool.request({
      method: "POST",
      path: `/v1/mcp/${options.server}`,
      headers: {
        authorization: `Bearer ${options.apiKey}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        traceparent: `00-${call.traceId}-${randomBytes(8).toString("hex")}-01`,
      },
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: Number(call.number),
        method: "tools/call",
        params: { name: call.tool, arguments: { number: call.number } },
      }),
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    const answer = (await response.body.json()) as {
      id?: number;
      result?: object;
      error?: { message: string };
    };
    call.isAnswered =
      response.statusCode === 200 &&
      answer.result !== undefined &&
      answer.id === Number(call.number);
    if (!call.isAnswered) call.problem = `${response.statusCode} ${answer.error?.message ?? ""}`;
  } catch (error) {
    call.problem = (error as { code?: string }).code ?? String(error);
  }
}
