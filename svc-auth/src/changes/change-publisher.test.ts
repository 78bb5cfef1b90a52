import { beforeEach, describe, expect, it } from "@jest/globals";
import { createLogger } from "@gatewayops/platform/log";
import { aKey, newId, seedOrg, TIME } from "../../test/samples.ts";
import { createMemoryStores } from "../stores.ts";
import { createChangePublisher } from "./change-publisher.ts";

const log = createLogger({ service: "t", level: "silent", format: "json", maskSensitive: false });

describe("createChangePublisher", () => {
  const stores = createMemoryStores();
  let told: string[];
  let away: boolean;
  let nowMs: number;
  const publisher = createChangePublisher({
    store: stores.changes,
    fenceKey: (prefix) => {
      if (away) return Promise.reject(new Error("away"));
      told.push(`fence ${prefix}`);
      return Promise.resolve();
    },
    broadcast: (change) => {
      told.push(change.kind);
      return Promise.resolve();
    },
    now: () => nowMs,
    log,
  });

  beforeEach(() => {
    told = [];
    away = false;
    nowMs = TIME.getTime();
  });

  async function revokedKey() {
    const { orgId } = await seedOrg(stores);
    const { key, ...fresh } = aKey(orgId);
    await stores.keys.create(orgId, { key, ...fresh });
    const revoked = await stores.keys.revoke(orgId, key.id, { changeId: newId(), time: TIME });
    return { prefix: key.prefix, change: revoked?.change };
  }

  it("ends cached answers before it tells gateways, and then forgets the change", async () => {
    const { prefix, change } = await revokedKey();
    await publisher.publish(change);
    expect(told).toEqual([`fence ${prefix}`, "key"]);
    nowMs += 60_000;
    expect(await publisher.sweep()).toBe(0);
  });

  it("tells later what it could not tell at once, as after a kill", async () => {
    const { prefix, change } = await revokedKey();
    away = true;
    await publisher.publish(change);
    await publisher.publish(undefined);
    expect(told).toEqual([]);
    nowMs += 1_001;
    await expect(publisher.sweep()).rejects.toThrow("away");
    away = false;
    expect(await publisher.sweep()).toBe(1);
    expect(await publisher.sweep()).toBe(0);
    expect(told).toEqual([`fence ${prefix}`, "key"]);
  });
});
