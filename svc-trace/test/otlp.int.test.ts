import { afterEach, describe, expect, it } from "@jest/globals";
import { hexOf, randomBytesPooled } from "@gatewayops/platform/ids";
import { createLogger } from "@gatewayops/platform/log";
import type { NameResolver } from "@gatewayops/platform/names";
import { makeRecord } from "@gatewayops/platform/streams/consumer-testing";
import {
  Outcome,
  RuleOwner,
  Stage,
  StageOutcome,
  type CallCompletion,
  type StageReport,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { createOtlpExporter, type OtlpExporter } from "../src/otlp/otlp-exporter.ts";
import { createGrpcTransport } from "../src/otlp/otlp-grpc.ts";
import { createHttpTransport } from "../src/otlp/otlp-http.ts";
import { createRequestMaker } from "../src/otlp/otlp-request.ts";
import { partialSuccess } from "./otlp-messages.ts";
import {
  startGrpcReceiver,
  startHttpReceiver,
  type Answer,
  type Receiver,
} from "./otlp-receivers.ts";

const START_US = 1_795_444_200_000_000n;
const names: NameResolver = {
  cached: () => undefined,
  resolve: () => Promise.resolve({ of: (kind) => `the ${kind}` }),
};
const log = createLogger({ service: "test", level: "silent", format: "json", maskSensitive: true });

const closings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

function report(stage: Stage, outcome: StageOutcome, durationUs: number): StageReport {
  return {
    $typeName: "gatewayops.events.v1.StageReport",
    stage,
    outcome,
    durationUs,
    ruleOwner: RuleOwner.UNSPECIFIED,
  };
}

const calls = (count: number): CallCompletion[] =>
  Array.from({ length: count }, () => makeRecord(START_US));

const spanIdsOf = (records: readonly CallCompletion[]): Set<string> =>
  new Set(records.map(({ intent }) => hexOf(intent?.spanId ?? new Uint8Array())));

async function until(check: () => boolean): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!check()) {
    if (performance.now() > deadline) throw new Error("what was waited for did not come");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The details of a gRPC status that ask for a second: google.rpc.Status { code: 8, details: [Any of a RetryInfo] }, by hand. */
function aSecond(): Buffer {
  const type = Buffer.from("type.googleapis.com/google.rpc.RetryInfo");
  const any = Buffer.concat([
    Buffer.from([0x0a, type.length]),
    type,
    Buffer.from([0x12, 0x04, 0x0a, 0x02, 0x08, 0x01]),
  ]);
  return Buffer.concat([Buffer.from([0x08, 0x08, 0x1a, any.length]), any]);
}

const PROTOCOLS = {
  "http/protobuf": {
    start: startHttpReceiver,
    create: createHttpTransport,
    // HTTP statuses of the specification; every other is not to be sent again.
    retryable: [429, 502, 503, 504],
    refusals: [400, 401, 413, 500],
    ok: 200,
    throttled: { status: 429, retryAfter: "1" },
  },
  grpc: {
    start: startGrpcReceiver,
    create: createGrpcTransport,
    // CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS.
    retryable: [1, 4, 10, 11, 14, 15],
    // INVALID_ARGUMENT, RESOURCE_EXHAUSTED without a delay, UNIMPLEMENTED, INTERNAL, UNAUTHENTICATED.
    refusals: [3, 8, 12, 13, 16],
    ok: 0,
    throttled: { status: 8, details: aSecond() },
  },
} as const;

type Told = {
  queued: number;
  sent: number;
  dropped: Record<string, number>;
  rejectedSpans: number;
  retried: number;
};

describe.each(Object.entries(PROTOCOLS))(
  "OTLP by %s",
  (_, { start, create, retryable, refusals, ok, throttled }) => {
    async function receiver(
      answer: (request: number) => Answer | undefined = () => undefined,
      port = 0,
    ) {
      const started: Receiver = await start(answer, port);
      closings.push(() => started.stop());
      return started;
    }

    function exporterTo(
      endpoint: string,
      options: { queueMaxCalls?: number; requestsMax?: number } = {},
    ): { exporter: OtlpExporter; told: Told } {
      const told: Told = { queued: 0, sent: 0, dropped: {}, rejectedSpans: 0, retried: 0 };
      const exporter = createOtlpExporter({
        transport: create({ endpoint, headers: { "x-api-key": "a b" }, timeoutMs: 2_000 }),
        requestOf: createRequestMaker(names, "the gateway"),
        observe: {
          queued: (count) => void (told.queued = count),
          sent: (count) => void (told.sent += count),
          dropped: (reason, count) =>
            void (told.dropped[reason] = (told.dropped[reason] ?? 0) + count),
          rejectedSpans: (count) => void (told.rejectedSpans += count),
          retried: () => void (told.retried += 1),
        },
        log,
        queueMaxCalls: options.queueMaxCalls ?? 10_000,
        requestsMax: options.requestsMax ?? 2,
        backoffMinMs: 10,
        backoffMaxMs: 50,
        flushMs: 500,
      });
      closings.push(() => exporter.close());
      return { exporter, told };
    }

    it("brings every call's spans, each once, with our names", async () => {
      const to = await receiver();
      const { exporter, told } = exporterTo(to.endpoint);
      const stages = [
        report(Stage.AUTHENTICATE, StageOutcome.PASSED, 100),
        report(Stage.BUDGET, StageOutcome.NOT_CONFIGURED, 1),
        report(Stage.UPSTREAM, StageOutcome.FAILED, 1_500),
      ];
      const parent = randomBytesPooled(8);
      const failed = makeRecord(START_US, {
        intent: { parentSpanId: parent, toolId: 7n },
        completion: { stages, outcome: Outcome.TIMEOUT, reason: 81, httpStatus: 504 },
      });
      const records = [failed, ...calls(999)];
      for (let i = 0; i < records.length; i += 150) exporter.push(records.slice(i, i + 150));
      await until(() => told.sent === 1_000);
      const requests = to.spans.filter(({ name }) => name === "gateway.request");
      expect(requests).toHaveLength(1_000);
      expect(new Set(requests.map(({ spanId }) => spanId))).toEqual(spanIdsOf(records));
      expect(to.spans).toHaveLength(1_002);
      const traceId = hexOf(failed.intent?.traceId ?? new Uint8Array());
      const [request, auth, proxy] = to.spans.filter((span) => span.traceId === traceId);
      const spanId = hexOf(failed.intent?.spanId ?? new Uint8Array());
      expect(request).toMatchObject({
        service: "the gateway",
        scope: "gatewayops",
        spanId,
        parentSpanId: hexOf(parent),
        kind: 2,
        startNs: START_US * 1_000n,
        endNs: (START_US + 2_000n) * 1_000n,
        statusCode: 2,
        statusMessage: "UPSTREAM_TIMEOUT",
        attributes: {
          "mcp.method.name": "tools/call",
          "gen_ai.tool.name": "the tool",
          "error.type": "timeout",
          "http.response.status_code": 504,
        },
      });
      expect(auth).toMatchObject({
        name: "gateway.auth",
        parentSpanId: spanId,
        kind: 1,
        statusCode: 0,
      });
      expect(proxy).toMatchObject({
        name: "gateway.mcp_proxy",
        kind: 3,
        // Behind 100 µs of authenticating and 1 of what was not configured.
        startNs: (START_US + 101n) * 1_000n,
        statusCode: 2,
      });
      expect(to.headers[0]).toMatchObject({ "x-api-key": "a b" });
      expect(told).toMatchObject({ queued: 0, dropped: {}, retried: 0 });
    });

    it("goes on where it was when a receiver that was away is back", async () => {
      const first = await receiver();
      const { exporter, told } = exporterTo(first.endpoint);
      const before = calls(300);
      exporter.push(before);
      await until(() => told.sent === 300);
      await first.stop();
      const during = calls(700);
      exporter.push(during);
      await until(() => told.retried >= 3);
      expect(told.sent).toBe(300);
      const second = await receiver(() => undefined, Number(new URL(first.endpoint).port));
      await until(() => told.sent === 1_000);
      expect(new Set(second.spans.map(({ spanId }) => spanId))).toEqual(spanIdsOf(during));
      expect(told.dropped).toEqual({});
    });

    it("leaves out and counts what finds no room", async () => {
      const to = await receiver(() => ({ status: retryable.at(-1) ?? 0 }));
      const { exporter, told } = exporterTo(to.endpoint, { queueMaxCalls: 100, requestsMax: 1 });
      exporter.push(calls(1));
      await until(() => told.retried > 0);
      exporter.push(calls(60));
      exporter.push(calls(60));
      expect(told).toMatchObject({ queued: 100, dropped: { queue_full: 20 } });
      await exporter.close();
      expect(told.dropped).toEqual({ queue_full: 20, closing: 101 });
    });

    it.each(retryable)("sends again after %i", async (status) => {
      const to = await receiver((request) => (request < 3 ? { status } : undefined));
      const { exporter, told } = exporterTo(to.endpoint);
      exporter.push(calls(5));
      await until(() => told.sent === 5);
      expect(told).toMatchObject({ retried: 2, dropped: {} });
      expect(to.spans).toHaveLength(5);
    });

    it.each(refusals)("does not send again after %i, and counts what is lost", async (status) => {
      const to = await receiver((request) => (request === 1 ? { status } : undefined));
      const { exporter, told } = exporterTo(to.endpoint, { requestsMax: 1 });
      exporter.push(calls(5));
      await until(() => told.dropped["refused"] === 5);
      exporter.push(calls(2));
      await until(() => told.sent === 2);
      expect(to.headers).toHaveLength(2);
      expect(told.retried).toBe(0);
    });

    it("counts spans that were rejected of a request that was taken, and does not send them again", async () => {
      const to = await receiver(() => ({ status: ok, body: partialSuccess(2, "too old") }));
      const { exporter, told } = exporterTo(to.endpoint);
      exporter.push(calls(5));
      await until(() => told.rejectedSpans === 2);
      expect(to.headers).toHaveLength(1);
      expect(told).toMatchObject({ sent: 5, retried: 0 });
    });

    it("waits as long as the receiver says", async () => {
      const asked: number[] = [];
      const to = await receiver((request) => {
        asked.push(performance.now());
        return request > 1 ? undefined : throttled;
      });
      const { exporter, told } = exporterTo(to.endpoint);
      exporter.push(calls(5));
      await until(() => told.sent === 5);
      // Without a delay it would have been 10 ms.
      expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThan(950);
    });

    it("sends what is queued before it ends", async () => {
      const to = await receiver();
      const { exporter, told } = exporterTo(to.endpoint, { requestsMax: 1 });
      exporter.push(calls(900));
      await exporter.close();
      expect(told).toMatchObject({ sent: 900, dropped: {} });
      exporter.push(calls(1));
      expect(told.dropped).toEqual({ closing: 1 });
    });
  },
);
