import { describe, expect, it } from "@jest/globals";
import type { NamedKind } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { createLogger } from "./log.ts";
import { createNameResolver, shownName, shownTool } from "./names.ts";

const ORG = "0b6f9c1e-0000-4000-8000-000000000001";
const OTHER_ORG = "0b6f9c1e-0000-4000-8000-000000000002";
const TEAM = "0b6f9c1e-0000-4000-8000-00000000000a";
const log = createLogger({
  service: "test",
  level: "silent",
  format: "json",
  maskSensitive: false,
});

type Asked = { orgId: string; kind: NamedKind; id: string };

/** A resolver over one organisation that knows one team, with everything it asked and a clock that stands. */
function setUp(): {
  resolver: ReturnType<typeof createNameResolver>;
  asked: Asked[][];
  clock: { ms: number; away: boolean };
} {
  const asked: Asked[][] = [];
  const clock = { ms: 0, away: false };
  const resolver = createNameResolver({
    log,
    now: () => clock.ms,
    lookUp: ({ refs }) => {
      asked.push(refs);
      if (clock.away) return Promise.reject(new Error("svc-auth is away"));
      const entries = refs
        .filter(({ orgId, id }) => orgId === ORG && id === TEAM)
        .map((ref) => ({
          ref: { $typeName: "gatewayops.auth.v1.NamedRef" as const, ...ref },
          name: "Platform",
        }));
      return Promise.resolve({ entries });
    },
  });
  return { resolver, asked, clock };
}

describe("the name resolver", () => {
  it("asks once for many, and keeps what it learns", async () => {
    const { resolver, asked } = setUp();
    const refs = [
      { kind: "team", id: TEAM },
      { kind: "tool", id: "00000000000000ff" },
    ] as const;
    const names = await resolver.resolve(ORG, refs);
    await resolver.resolve(ORG, refs);
    expect(shownName(names, "team", TEAM)).toBe("Platform");
    expect(shownName(names, "team", "")).toBe("(none)");
    expect(shownTool(names, "00000000000000ff")).toBe("tool:00000000000000ff");
    expect(asked.map((refs) => refs.length)).toEqual([2]);
  });

  it("never gives one organisation's name to another", async () => {
    const { resolver } = setUp();
    await resolver.resolve(ORG, [{ kind: "team", id: TEAM }]);
    expect(
      (await resolver.resolve(OTHER_ORG, [{ kind: "team", id: TEAM }])).of("team", TEAM),
    ).toBeUndefined();
  });

  it("does not wait when asked for what it knows, and learns it meanwhile", async () => {
    const { resolver } = setUp();
    expect(resolver.cached(ORG, { kind: "team", id: TEAM })).toBeUndefined();
    await resolver.resolve(ORG, [{ kind: "team", id: TEAM }]);
    expect(resolver.cached(ORG, { kind: "team", id: TEAM })).toBe("Platform");
  });

  it("asks again for what was unknown only after a while", async () => {
    const { resolver, asked, clock } = setUp();
    const ref = { kind: "user", id: TEAM } as const;
    await resolver.resolve(OTHER_ORG, [ref]);
    await resolver.resolve(OTHER_ORG, [ref]);
    expect(asked.length).toBe(1);
    clock.ms = 2_001;
    await resolver.resolve(OTHER_ORG, [ref]);
    expect(asked.length).toBe(2);
  });

  it("leaves a silent svc-auth alone for a while and serves old names", async () => {
    const { resolver, asked, clock } = setUp();
    const ref = { kind: "team", id: TEAM } as const;
    await resolver.resolve(ORG, [ref]);
    clock.ms = 60_001;
    clock.away = true;
    expect((await resolver.resolve(ORG, [ref])).of("team", TEAM)).toBe("Platform");
    expect((await resolver.resolve(ORG, [ref])).of("team", TEAM)).toBe("Platform");
    expect(asked.length).toBe(2);
  });
});
