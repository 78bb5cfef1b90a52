import { beforeAll, describe, expect, it } from "@jest/globals";
import { makeKey, signIn, type Admin } from "./control-plane.ts";
import { expectRefusal, FACADE, MCP, type Face, type Refusal } from "./faces.ts";
import { counterOf } from "./metrics.ts";
import { bearer, readStack, send, waitFor, type Answer } from "./stack.ts";

const stack = readStack();

let admin: Admin;

beforeAll(async () => {
  admin = await signIn(stack);
});

describe.each([MCP, FACADE])("a rate limit at the $name", (face: Face) => {
  /** One new call a second and three at once, over both workers together. */
  const LIMIT = { rps: 1, burst: 3 };
  const REFUSED: Refusal = {
    status: 429,
    reason: "RATE_LIMITED",
    code: "rate_limited",
    rpcCode: 1060,
    rpcId: 7,
  };

  it("lets the burst pass, then refuses with the time to wait, and lets calls pass again after it", async () => {
    const key = await makeKey(admin, { ...LIMIT, permissions: ["traces:read"] });
    const call = (): Promise<Answer> =>
      send(stack.gatewayUrl + face.path, {
        body: face.body,
        headers: { ...bearer(key.secret), accept: "application/json, text/event-stream" },
      });
    const began = performance.now();
    const answers = await Promise.all(Array.from({ length: 20 }, call));
    const passed = answers.filter(({ status }) => status !== 429);
    const refused = answers.filter(({ status }) => status === 429);
    // Three, and one more for each second that the twenty calls took.
    expect(passed.length).toBeGreaterThanOrEqual(LIMIT.burst);
    expect(passed.length).toBeLessThanOrEqual(
      LIMIT.burst + Math.floor((performance.now() - began) / 1_000) * LIMIT.rps,
    );
    for (const { headers } of passed) {
      expect(headers.get("x-ratelimit-limit")).toBe("1");
      expect(headers.get("x-ratelimit-remaining")).toMatch(/^[0-2]$/);
    }
    for (const answer of refused) {
      expectRefusal(face, answer, REFUSED);
      expect(answer.headers.get("retry-after")).toBe("1");
      expect(answer.headers.get("x-ratelimit-limit")).toBe("1");
      expect(answer.headers.get("x-ratelimit-remaining")).toBe("0");
      expect(answer.headers.get("x-ratelimit-reset")).toMatch(/^[1-4]$/);
    }
    await waitFor("a call passes after the wait", 3_000, async () =>
      (await call()).status === 429 ? undefined : true,
    );
  });

  it("is counted, and the refused call is recorded", async () => {
    const key = await makeKey(admin, { rps: 1, burst: 1, permissions: ["traces:read"] });
    const before = await limitHits(key.id);
    const answer = await waitFor("a call is refused", 5_000, async () => {
      const given = await send(stack.gatewayUrl + face.path, {
        body: face.body,
        headers: bearer(key.secret),
      });
      return given.status === 429 ? given : undefined;
    });
    await waitFor("gateway_rate_limit_hits_total moves", 5_000, async () =>
      (await limitHits(key.id)) > before ? true : undefined,
    );
    const requestId = answer.headers.get("x-request-id") ?? "";
    const { json } = await waitFor("the refused call is recorded", 2_000, async () => {
      const given = await send(`${stack.gatewayUrl}/v1/calls/${requestId}`, {
        headers: bearer(key.secret),
      });
      return given.status === 200 ? given : undefined;
    });
    const { call } = json as { call: { stages: { stage: string; outcome: string }[] } };
    expect(call).toMatchObject({
      outcome: "refused",
      reason: "RATE_LIMITED",
      http_status: 429,
      cost: 0,
    });
    expect(call.stages.at(-1)).toMatchObject({ stage: "rate_limit", outcome: "refused" });
  });

  function limitHits(keyId: string): Promise<number> {
    return counterOf(stack.gatewayUrl, "gateway_rate_limit_hits_total", {
      scope: "key",
      scope_id: keyId,
    });
  }
});
