import { describe, expect, it } from "@jest/globals";
import { StageOutcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { pinOutcome } from "./pin.ts";

const DAY = 86_400_000;
const known = (hash: string, changeTimeMs?: number) => ({ isEnabled: true, hash, changeTimeMs });

describe("pinOutcome", () => {
  it.each([
    ["a tool nobody knows", undefined, undefined, StageOutcome.NOT_CONFIGURED],
    ["a tool known by name only", known(""), "aa", StageOutcome.NOT_CONFIGURED],
    ["the first definition", known("aa"), "aa", StageOutcome.PASSED],
    ["the known definition, not listed here yet", known("aa"), undefined, StageOutcome.PASSED],
    ["another definition than the known one", known("aa"), "bb", StageOutcome.OBSERVED],
    ["a definition that changed just now", known("aa", DAY), "aa", StageOutcome.OBSERVED],
    ["a definition that changed a day ago", known("aa", 0), "aa", StageOutcome.PASSED],
    ["one that changed a millisecond less ago", known("aa", 1), "aa", StageOutcome.OBSERVED],
  ])("of %s", (_, tool, listed, expected) => {
    expect(pinOutcome(tool, listed, DAY)).toBe(expected);
  });
});
