import { describe, expect, it } from "@jest/globals";
import { Code, ConnectError } from "@connectrpc/connect";
import { createTimeZones } from "./time-zones.ts";

describe("createTimeZones", () => {
  function opened() {
    const state = { nowMs: 0, zone: "Europe/Berlin", away: false, asked: 0 };
    const zones = createTimeZones({
      lookUp: () => {
        state.asked += 1;
        if (state.away) return Promise.reject(new ConnectError("away", Code.Unavailable));
        return Promise.resolve({ organization: { timeZone: state.zone } });
      },
      now: () => state.nowMs,
    });
    return { state, zones };
  }

  it("believes an answer for a minute, or as long as is asked", async () => {
    const { state, zones } = opened();
    expect(await zones.of("o")).toBe("Europe/Berlin");
    state.zone = "Asia/Tokyo";
    state.nowMs = 60_000;
    expect(await zones.of("o")).toBe("Europe/Berlin");
    expect(await zones.of("o", 1_000)).toBe("Asia/Tokyo");
    expect(await zones.of("o")).toBe("Asia/Tokyo");
    expect(state.asked).toBe(2);
  });

  it("goes on with the last answer while svc-auth is away, and says when it has none", async () => {
    const { state, zones } = opened();
    await zones.of("o");
    state.away = true;
    state.nowMs = 3_600_000;
    expect(await zones.of("o")).toBe("Europe/Berlin");
    await expect(zones.of("other")).rejects.toMatchObject({ reason: "AUTH_UNAVAILABLE" });
  });
});
