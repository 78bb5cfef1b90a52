import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import { CallSchema, type Call } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { createFollower } from "./follow.ts";

function call(requestId: string, startMs: number, durationMs: number): Call {
  return create(CallSchema, {
    requestId,
    startTime: timestampFromMs(startMs),
    durationUs: BigInt(durationMs * 1000),
  });
}

const ids = (calls: readonly Call[]): string[] => calls.map(({ requestId }) => requestId);

describe("createFollower", () => {
  it("shows each call once, in the order in which they ended", () => {
    const follower = createFollower(0);
    const slow = call("slow", 1_000, 900);
    const fast = call("fast", 1_500, 10);
    expect(ids(follower.take([slow, fast]))).toEqual(["fast", "slow"]);
    expect(ids(follower.take([call("next", 2_000, 1), slow, fast]))).toEqual(["next"]);
  });

  it("asks again for half a minute, so that late records are seen", () => {
    const follower = createFollower(0);
    follower.take([call("a", 100_000, 0)]);
    expect(follower.since()).toBe(70_000);
    expect(ids(follower.take([call("late", 90_000, 0)]))).toEqual(["late"]);
  });

  it("never asks for what was before its beginning", () => {
    const follower = createFollower(50_000);
    follower.take([call("a", 60_000, 0)]);
    expect(follower.since()).toBe(50_000);
  });
});
