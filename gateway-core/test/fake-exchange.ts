import { EventEmitter } from "node:events";
import type { Failure } from "@gatewayops/platform/errors";
import type { McpContext } from "../src/mcp/mcp-context.ts";
import type { McpExchange } from "../src/mcp/mcp-exchange.ts";
import { readMessage } from "../src/mcp/message.ts";
import { createStateSeal } from "../src/mcp/owned-ids.ts";
import { ParkedCalls } from "../src/mcp/parked-calls.ts";
import { RunningCalls } from "../src/mcp/running-calls.ts";
import type { Ending } from "../src/stages/ending.ts";
import { Holdings } from "../src/stages/holdings.ts";
import { Bulkhead, WorkerSlots, type BulkheadOptions } from "../src/upstream/bulkhead.ts";
import type { ServerCall } from "../src/upstream/server-call.ts";
import type { Upstream } from "../src/upstream/upstream.ts";

/** What a worker has for its exchanges, and what they hold of it. */
export type FakeWorker = {
  readonly context: McpContext;
  readonly parked: ParkedCalls;
  readonly parkedBy: Holdings;
  readonly running: RunningCalls;
  readonly upstream: Upstream;
  readonly slots: WorkerSlots;
  /** Calls in flight, as the metrics have it. */
  inFlight: number;
};

export type FakeWorkerOptions = {
  readonly bulkhead?: Partial<BulkheadOptions>;
  /** False: the server's breaker lets nobody pass. */
  readonly admits?: boolean;
  /** Makes the calls that are not relayed. */
  readonly createCall?: () => ServerCall;
  /** Connections to the server. */
  readonly pool?: object;
};

export function createFakeWorker(options: FakeWorkerOptions = {}): FakeWorker {
  const parkedBy = new Holdings({ noun: "calls", bound: "calls", perKey: 10, total: 10 });
  const parked = new ParkedCalls(parkedBy);
  const running = new RunningCalls();
  const slots = new WorkerSlots(10);
  const bounds = { inFlight: 10, queued: 0, waitMs: 1_000, ...options.bulkhead };
  const upstream = {
    ...{ name: "files", idText: "server-1", timeoutMs: 30_000, messageMaxBytes: 1_000_000 },
    settings: { transformations: [], isIdempotent: () => false },
    bulkhead: new Bulkhead("files", bounds, slots),
    breaker: {
      admit: () => options.admits ?? true,
      succeeded: () => undefined,
      failed: () => undefined,
      abandoned: () => undefined,
    },
    link: {
      ...{ headers: [], path: "/mcp", isBridged: false, endpoints: undefined },
      ...{ era: "modern", probedAt: 0, pool: options.pool },
    },
  } as unknown as Upstream;
  const context = {
    ...{ owner: "worker-1", parked, running },
    stateSeal: createStateSeal("a secret"),
    calls: { create: options.createCall },
  } as unknown as McpContext;
  return { context, parked, parkedBy, running, upstream, slots, inFlight: 0 };
}

/** One exchange of a fake worker: what its carrier made of it. */
export type FakeExchange = {
  readonly exchange: McpExchange;
  readonly endings: Ending[];
  readonly failures: Failure[];
  /** Documents that the agent got. */
  readonly documents: string[];
  /** What the agent got of a stream. */
  readonly written: string[];
};

/**
 * An exchange whose agent has sent a message.
 *
 * @param drained resolves when the agent has read what was written
 */
export function createFakeExchange(
  worker: FakeWorker,
  message: object,
  drained = Promise.resolve(),
): FakeExchange {
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, ...message }));
  const fake = { endings: [], failures: [], documents: [], written: [] } as Omit<
    FakeExchange,
    "exchange"
  >;
  const exchange = {
    ...{ context: worker.context, upstream: worker.upstream },
    ...{ body, rpcBody: body, message: readMessage(body) },
    principal: { keyIdText: "key-1", orgIdText: "org-1" },
    pipeline: {
      metrics: { active: (_server: string, change: number) => (worker.inFlight += change) },
      maxRetries: 0,
    },
    request: { headers: {} },
    response: Object.assign(new EventEmitter(), {
      flushHeaders: () => undefined,
      write: (chunk: Buffer) => fake.written.push(chunk.toString("utf8")) > 0,
      end: () => undefined,
    }),
    ...{ httpMethod: "POST", trace: undefined, isClientGone: false, isHeadSent: false },
    ...{ attempts: 0, responseBytes: 0, durationMs: 0 },
    end: (ending: Ending) => fake.endings.push(ending),
    fail: (failure: Failure) => fake.failures.push(failure),
    sendHead(): void {
      this.isHeadSent = true;
    },
    write: (chunk: Buffer) => fake.written.push(chunk.toString("utf8")),
    drained: () => drained,
    finish: () => undefined,
    documentOf: (answer: Buffer) => answer,
    sendDocument: (_status: number, _headers: string[], document: Buffer) =>
      fake.documents.push(document.toString("utf8")),
  };
  return { ...fake, exchange: exchange as unknown as McpExchange };
}
