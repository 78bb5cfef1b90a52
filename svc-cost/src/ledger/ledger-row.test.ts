import { describe, expect, it } from "@jest/globals";
import { makeRecord } from "@gatewayops/platform/streams/consumer-testing";
import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { toLedgerRow, touchedMinutes } from "./ledger-row.ts";

// 2026-11-23T14:30:00Z.
const HALF_PAST_TWO_US = 1_795_444_200_000_000n;
const ORG = Buffer.from("0b6f9c1e000040008000000000000001", "hex");
const SERVER = Buffer.from("0b6f9c1e000040008000000000000002", "hex");
const CALL = Buffer.from("019abcde000070008000000000000003", "hex");

describe("toLedgerRow", () => {
  it("takes key, money and times from the record", () => {
    const record = makeRecord(HALF_PAST_TWO_US + 1n, {
      intent: {
        orgId: ORG,
        serverId: SERVER,
        callId: CALL,
        toolId: 0xffff_ffff_ffff_ffffn,
        spanId: Buffer.from("00000000000000ff", "hex"),
      },
      completion: { costUsdMicros: 9_007_199_254_740_993n, durationUs: 1_234n },
    });
    expect(
      toLedgerRow(record, (_, { kind }) => (kind === "server" ? "everything" : undefined)),
    ).toMatchObject({
      org_id: "0b6f9c1e-0000-4000-8000-000000000001",
      timestamp: HALF_PAST_TWO_US + 1n,
      event_id: CALL,
      span_id: Buffer.from("00000000000000ff", "hex"),
      server_id: "0b6f9c1e-0000-4000-8000-000000000002",
      mcp_server: "everything",
      tool_id: 0xffff_ffff_ffff_ffffn,
      tool_name: "",
      team_id: "",
      cost: 9_007_199_254_740_993n,
      duration_us: 1_234n,
      outcome: "ok",
      weight: 2,
    });
  });

  it("is the same whether a call was sampled or not", () => {
    const of = (sampled: boolean) =>
      toLedgerRow(
        makeRecord(HALF_PAST_TWO_US, {
          intent: { orgId: ORG, callId: SERVER, traceId: SERVER, spanId: Buffer.alloc(8, 1) },
          completion: { sampled, costUsdMicros: 7n },
        }),
        () => undefined,
      );
    expect(of(false)).toEqual(of(true));
    expect(of(false).cost).toBe(7n);
  });

  it("weighs a call that was only begun less", () => {
    const record = makeRecord(HALF_PAST_TWO_US, { completion: { outcome: Outcome.UNKNOWN } });
    expect(toLedgerRow(record, () => undefined)).toMatchObject({ outcome: "unknown", weight: 1 });
  });
});

describe("touchedMinutes", () => {
  const MINUTE_US = 60_000_000n;
  const at = (us: bigint, org = ORG) =>
    toLedgerRow(makeRecord(HALF_PAST_TWO_US + us, { intent: { orgId: org } }), () => undefined);

  it("joins minutes that follow each other, of each organisation", () => {
    const rows = [at(MINUTE_US), at(0n), at(59_999_999n), at(5n * MINUTE_US), at(0n, SERVER)];
    expect(touchedMinutes(rows)).toEqual([
      {
        orgId: "0b6f9c1e-0000-4000-8000-000000000001",
        start: "2026-11-23 14:30:00.000000",
        end: "2026-11-23 14:32:00.000000",
      },
      {
        orgId: "0b6f9c1e-0000-4000-8000-000000000001",
        start: "2026-11-23 14:35:00.000000",
        end: "2026-11-23 14:36:00.000000",
      },
      {
        orgId: "0b6f9c1e-0000-4000-8000-000000000002",
        start: "2026-11-23 14:30:00.000000",
        end: "2026-11-23 14:31:00.000000",
      },
    ]);
  });
});
