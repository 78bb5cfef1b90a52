import { describe, expect, it } from "@jest/globals";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { createChangePublisher } from "@gatewayops/platform/changes/change-publisher";
import type { PendingChange } from "@gatewayops/platform/changes/change-store";
import { createMemoryChangeStore } from "@gatewayops/platform/changes/change-store.memory";
import { createLogger } from "@gatewayops/platform/log";
import { PriceService } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { asCaller } from "../../test/as-caller.ts";
import { createPriceRpc } from "./price-rpc.ts";
import { createMemoryPriceStore } from "./price-store.memory.ts";

const ORG = "0b6f9c1e-0000-4000-8000-000000000001";
const log = createLogger({ service: "t", level: "silent", format: "json", maskSensitive: false });

describe("createPriceRpc", () => {
  it("answers once a change is stored, and tells gateways as soon as they can be told", async () => {
    const changes = new Map<string, PendingChange>();
    const told: string[] = [];
    let away = true;
    let nowMs = 1_795_444_200_000;
    const publisher = createChangePublisher({
      store: createMemoryChangeStore(changes),
      tell: ({ invalidation }) =>
        away
          ? Promise.reject(new Error("away"))
          : Promise.resolve(void told.push(invalidation.kind)),
      now: () => nowMs,
      log,
    });
    const prices = createMemoryPriceStore(changes, () => nowMs);
    const methods = createPriceRpc({ prices, publisher, now: () => nowMs });
    const client = createClient(
      PriceService,
      createRouterTransport(({ service }) => void service(PriceService, methods), {
        router: { interceptors: [asCaller(() => ORG)] },
      }),
    );
    const rule = { server: "*", tool: "*", perCallUsdMicros: 5n };
    const { priceRule } = await client.createPriceRule(rule);
    expect(priceRule?.perCallUsdMicros).toBe(5n);
    expect(told).toEqual([]);
    away = false;
    nowMs += 2_000;
    await publisher.sweep();
    expect(told).toEqual(["prices"]);
    await client.deletePriceRule({ id: priceRule?.id ?? "" });
    expect(told).toEqual(["prices", "prices"]);
    expect(changes.size).toBe(0);
  });
});
