import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import {
  ValidateKeyResponseSchema,
  type ValidateKeyResponse,
} from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createScopes, principalFrom } from "./principal.ts";

const DEFAULTS = { rps: 100, burst: 50 };
const KEY = "00000000-0000-7000-8000-000000000001";
const ORG = "00000000-0000-7000-8000-000000000002";
const TEAM = "00000000-0000-7000-8000-000000000003";

function answer(
  fields: MessageInitShape<typeof ValidateKeyResponseSchema>["apiKey"] = {},
  limits: Pick<
    MessageInitShape<typeof ValidateKeyResponseSchema>,
    "teamRateLimit" | "orgRateLimit"
  > = {},
): ValidateKeyResponse {
  return create(ValidateKeyResponseSchema, {
    apiKey: { id: KEY, orgId: ORG, teamId: TEAM, name: "agent", ...fields },
    ...limits,
  });
}

describe("createScopes", () => {
  it.each([
    // servers, tools, server, tool, reaches the server, may call the tool
    [[], [], "s", "t", false, true],
    [["*"], [], "s", "t", true, true],
    [["s"], [], "s", "t", true, true],
    [["s"], [], "s2", "t", false, true],
    [["*"], ["s/t"], "s", "t", true, true],
    [["*"], ["s/t"], "s", "t2", true, false],
    [["*"], ["s/t"], "s2", "t", true, false],
    [["*"], ["s/*"], "s", "anything", true, true],
    [["*"], ["s/*"], "s2", "anything", true, false],
    [["*"], ["*/t"], "s2", "t", true, true],
    [["*"], ["*/t"], "s2", "t2", true, false],
    [["*"], ["*/*"], "s", "t", true, true],
    [["*"], ["s/t", "s2/t2"], "s2", "t2", true, true],
    // Names are compared whole and in their case; patterns have no wild cards within a name.
    [["S"], ["s/T"], "s", "t", false, false],
    [["s*"], ["s/t*"], "server", "tool", false, false],
    [["*"], ["s/a/b"], "s", "a/b", true, true],
  ])("servers %j, tools %j: %s/%s", (servers, tools, server, tool, reaches, mayCall) => {
    const scopes = createScopes(servers, tools);
    expect(scopes.allowsServer(server)).toBe(reaches);
    expect(scopes.allowsTool(server, tool)).toBe(mayCall);
  });
});

describe("principalFrom", () => {
  it("gives a key without limits the defaults", () => {
    expect(principalFrom(answer(), DEFAULTS).buckets).toEqual([
      { scope: "key", id: KEY, rps: 100, burst: 50 },
    ]);
  });

  it("takes the key's own limits, and the rate as burst when it sets none", () => {
    expect(
      principalFrom(answer({ scopes: { rateRps: 7, rateBurst: 9 } }), DEFAULTS).buckets,
    ).toEqual([{ scope: "key", id: KEY, rps: 7, burst: 9 }]);
    expect(principalFrom(answer({ scopes: { rateRps: 7 } }), DEFAULTS).buckets).toEqual([
      { scope: "key", id: KEY, rps: 7, burst: 7 },
    ]);
  });

  it("adds the limits of team and organisation where there are any", () => {
    const principal = principalFrom(
      answer({}, { teamRateLimit: { rps: 5, burst: 0 }, orgRateLimit: { rps: 50, burst: 60 } }),
      DEFAULTS,
    );
    expect(principal.buckets.slice(1)).toEqual([
      { scope: "team", id: TEAM, rps: 5, burst: 5 },
      { scope: "org", id: ORG, rps: 50, burst: 60 },
    ]);
    expect(
      principalFrom(answer({}, { teamRateLimit: { rps: 0, burst: 5 } }), DEFAULTS).buckets,
    ).toHaveLength(1);
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
