import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { hexOf, randomBytesPooled, uuidToText } from "@gatewayops/platform/ids";
import { makeRecord, type RecordSpec } from "@gatewayops/platform/streams/consumer-testing";
import {
  Face,
  Operation,
  Outcome,
  RuleOwner,
  Stage,
  StageOutcome,
  type StageReport,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { spansOfCall } from "../src/otlp/call-spans.ts";
import { openTraces, type OpenTraces } from "./engines.ts";

const NOW_US = BigInt(Date.now() - 3_600_000) * 1_000n;
const ORIGIN = {
  resource: resourceFromAttributes({}),
  instrumentationScope: { name: "test" },
};
/** Attributes that are columns of their own in the view. */
const COLUMNS = [
  "gatewayops.organization.id",
  "gatewayops.team.id",
  "gatewayops.user.id",
  "gatewayops.server.id",
  "gatewayops.server.name",
];

let open: OpenTraces;

beforeAll(async () => {
  open = await openTraces();
}, 120_000);

afterAll(() => open.close());

function report(
  stage: Stage,
  outcome: StageOutcome,
  durationUs: number,
  ruleOwner = RuleOwner.UNSPECIFIED,
): StageReport {
  return { $typeName: "gatewayops.events.v1.StageReport", stage, outcome, durationUs, ruleOwner };
}

function valuesOf<T extends number>(enumeration: Record<string, T | string>): T[] {
  return Object.values(enumeration).filter((value): value is T => typeof value === "number");
}

/** Every stage, one after the other, with every outcome in turn. */
const EVERY_STAGE = valuesOf(Stage)
  .slice(1)
  .map((stage, i) => {
    const outcomes = valuesOf(StageOutcome).slice(1);
    const owners = valuesOf(RuleOwner);
    const outcome = outcomes[i % outcomes.length] ?? StageOutcome.PASSED;
    return report(stage, outcome, 10 + i, owners[i % owners.length]);
  });

const cases: [string, RecordSpec][] = [
  ["a success", { completion: { stages: EVERY_STAGE } }],
  ["one that was not sampled", { completion: { stages: EVERY_STAGE, sampled: false } }],
  [
    "a priced call of a tool within another",
    {
      intent: { toolId: 7n, parentSpanId: randomBytesPooled(8), face: Face.GRPC },
      completion: { priceRuleId: randomBytesPooled(16), costUsdMicros: 1_234_567n, attempts: 2 },
    },
  ],
  [
    "a refusal",
    {
      intent: { keyId: randomBytesPooled(16) },
      completion: {
        outcome: Outcome.REFUSED,
        reason: 60,
        httpStatus: 429,
        attempts: 0,
        stages: [report(Stage.RATE_LIMIT, StageOutcome.REFUSED, 40, RuleOwner.KEY)],
      },
    },
  ],
  ...[
    Outcome.TOOL_ERROR,
    Outcome.UPSTREAM_ERROR,
    Outcome.TIMEOUT,
    Outcome.CANCELLED,
    Outcome.UNKNOWN,
  ].map((outcome): [string, RecordSpec] => [
    `outcome ${outcome}`,
    {
      completion: {
        outcome,
        reason: 81,
        stages: [report(Stage.UPSTREAM, StageOutcome.FAILED, 1_000)],
      },
    },
  ]),
  ...[-32_602, -32_000].map((rpcCode): [string, RecordSpec] => [
    `JSON-RPC error ${rpcCode}`,
    {
      intent: { operation: Operation.RESOURCES_READ },
      completion: {
        outcome: Outcome.RPC_ERROR,
        reason: 87,
        rpcCode,
        stages: [report(Stage.UPSTREAM, StageOutcome.FAILED, 1_000)],
      },
    },
  ]),
];

type ViewRow = {
  operation: string;
  span: string;
  parent: string;
  start_us: string;
  duration_us: string;
  attributes: Record<string, string>;
};

describe("spansOfCall", () => {
  it.each(cases)("makes the spans that the view makes, of %s", async (_, spec) => {
    const orgId = randomBytesPooled(16);
    const record = makeRecord(NOW_US, { ...spec, intent: { orgId, ...spec.intent } });
    await open.record([record]);
    const rows = await open.clickhouse.select<ViewRow>(
      "spans",
      `SELECT operation, lower(leftPad(hex(span_id), 16, '0')) AS span,
        if(parent_span_id = 0, '', lower(leftPad(hex(parent_span_id), 16, '0'))) AS parent,
        toUnixTimestamp64Micro(start_time) AS start_us, duration_us, attributes
      FROM spans WHERE org_id = {orgId:String}
      ORDER BY start_time, operation != 'gateway.request', operation`,
      { orgId: uuidToText(orgId) },
    );
    // The recorder of this test knows no names; of a tool without one the view says nothing.
    const spans = spansOfCall(record, { of: () => undefined }, ORIGIN).map((span) => ({
      operation: span.name,
      span: span.spanContext().spanId,
      parent: span.parentSpanContext?.spanId ?? "",
      start_us: microsOf(span.startTime),
      duration_us: microsOf(span.duration),
      attributes: attributesOf(span.attributes),
    }));
    expect(rows).toHaveLength(spans.length);
    expect(spans.sort(inOrder)).toEqual(rows.map(withoutToolName).sort(inOrder));
    expect(spans.some(({ span }) => span === hexOf(record.intent?.spanId ?? Buffer.of()))).toBe(
      true,
    );
  });
});

function withoutToolName(row: ViewRow): ViewRow {
  return { ...row, attributes: attributesOf(row.attributes) };
}

function attributesOf(attributes: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes)
      .filter(([name]) => !COLUMNS.includes(name) && name !== "gen_ai.tool.name")
      .map(([name, value]) => [name, String(value)]),
  );
}

function microsOf([seconds, nanos]: readonly [number, number]): string {
  return String(BigInt(seconds) * 1_000_000n + BigInt(nanos / 1_000));
}

function inOrder(a: { span: string }, b: { span: string }): number {
  return a.span < b.span ? -1 : 1;
}
