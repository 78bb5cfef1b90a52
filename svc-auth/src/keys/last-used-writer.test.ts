import { describe, expect, it } from "@jest/globals";
import { createLogger } from "@gatewayops/platform/log";
import type { KeyUse } from "./key-store.ts";
import { createLastUsedWriter } from "./last-used-writer.ts";

const log = createLogger({ service: "t", level: "silent", format: "json", maskSensitive: false });

describe("createLastUsedWriter", () => {
  it("writes a key at most once a minute, and keeps what could not be written", async () => {
    let nowMs = 0;
    let away = false;
    const written: (readonly KeyUse[])[] = [];
    const writer = createLastUsedWriter({
      store: {
        recordUses(uses) {
          if (away) return Promise.reject(new Error("away"));
          written.push(uses);
          return Promise.resolve();
        },
      },
      now: () => nowMs,
      log,
    });
    const key = { orgId: "o", id: "k" };
    const use = (ms: number): KeyUse => ({ orgId: "o", keyId: "k", time: new Date(ms) });
    for (nowMs = 0; nowMs < 60_000; nowMs += 1_000) writer.note(key);
    await writer.flush();
    await writer.flush();
    expect(written).toEqual([[use(0)]]);
    away = true;
    writer.note(key);
    await writer.flush();
    nowMs = 120_000;
    writer.note(key);
    away = false;
    await writer.flush();
    expect(written.slice(1)).toEqual([[use(120_000)]]);
  });
});
