import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import {
  ValidateKeyResponseSchema,
  type ValidateKeyResponse,
} from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { PolicyMode } from "@gatewayops/proto/gatewayops/auth/v1/policy_mode_pb";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { principalFrom } from "./principal.ts";

const DEFAULTS = { rps: 100, burst: 50 };
const KEY = "00000000-0000-7000-8000-000000000001";
const ORG = "00000000-0000-7000-8000-000000000002";
const TEAM = "00000000-0000-7000-8000-000000000003";

function answer(
  fields: MessageInitShape<typeof ValidateKeyResponseSchema>["apiKey"] = {},
  limits: Pick<
    MessageInitShape<typeof ValidateKeyResponseSchema>,
    "teamRateLimit" | "orgRateLimit" | "teamScopes"
  > = {},
): ValidateKeyResponse {
  return create(ValidateKeyResponseSchema, {
    apiKey: { id: KEY, orgId: ORG, teamId: TEAM, name: "agent", ...fields },
    ...limits,
  });
}

describe("principalFrom", () => {
  it("gives a key without limits the defaults", () => {
    expect(principalFrom(answer(), DEFAULTS).buckets).toEqual([
      { scope: "key", id: KEY, rps: 100, burst: 50, isObserved: false },
    ]);
  });

  it("takes the key's own limits, and the rate as burst when it sets none", () => {
    expect(
      principalFrom(answer({ scopes: { rateRps: 7, rateBurst: 9 } }), DEFAULTS).buckets,
    ).toEqual([{ scope: "key", id: KEY, rps: 7, burst: 9, isObserved: false }]);
    expect(principalFrom(answer({ scopes: { rateRps: 7 } }), DEFAULTS).buckets).toEqual([
      { scope: "key", id: KEY, rps: 7, burst: 7, isObserved: false },
    ]);
  });

  it("adds the limits of team and organisation where there are any", () => {
    const principal = principalFrom(
      answer(
        {},
        {
          teamRateLimit: { rps: 5, burst: 0, mode: PolicyMode.OBSERVE },
          orgRateLimit: { rps: 50, burst: 60 },
        },
      ),
      DEFAULTS,
    );
    expect(principal.buckets.slice(1)).toEqual([
      { scope: "team", id: TEAM, rps: 5, burst: 5, isObserved: true },
      { scope: "org", id: ORG, rps: 50, burst: 60, isObserved: false },
    ]);
    expect(
      principalFrom(answer({}, { teamRateLimit: { rps: 0, burst: 5 } }), DEFAULTS).buckets,
    ).toHaveLength(1);
  });

  it("reaches what key and team both allow, and without scopes nothing", () => {
    const teamScopes = { servers: ["*"], denyTools: ["files/rm"] };
    const { access } = principalFrom(
      answer({ scopes: { servers: ["files"] } }, { teamScopes }),
      DEFAULTS,
    );
    expect(access.server("files")).toBe("allowed");
    expect(access.server("mail")).toBe("refused");
    expect(access.tool("files", "rm")).toBe("refused");
    expect(principalFrom(answer(), DEFAULTS).access.server("files")).toBe("refused");
  });

  it("makes ids of 16 bytes, empty where there is none", () => {
    const principal = principalFrom(answer({ teamId: "", userId: "" }), DEFAULTS);
    expect(principal.keyId.toString("hex")).toBe("00000000000070008000000000000001");
    expect(principal.teamId).toHaveLength(0);
    expect(principal.userId).toHaveLength(0);
  });

  it("ends when the key does, or never", () => {
    expect(principalFrom(answer(), DEFAULTS).expireTimeMs).toBe(Number.POSITIVE_INFINITY);
    expect(
      principalFrom(answer({ expireTime: timestampFromMs(1_500) }), DEFAULTS).expireTimeMs,
    ).toBe(1_500);
  });
});
