import { describe, expect, it } from "@jest/globals";
import { createLogger } from "@gatewayops/platform/log";
import { createFakeWorker } from "../../test/fake-exchange.ts";
import { Holdings } from "../stages/holdings.ts";
import type { CallRequest } from "./server-call.ts";
import { ServerCalls } from "./server-calls.ts";

const log = createLogger({
  service: "test",
  level: "silent",
  format: "json",
  maskSensitive: false,
});

describe("ServerCalls", () => {
  it.each(["legacy", "modern"] as const)(
    "asks nothing of a %s server whose time was over before it began",
    async (era) => {
      let requests = 0;
      const pool = {
        request: () => {
          requests++;
          return Promise.reject(new Error("nobody is there"));
        },
      };
      const worker = createFakeWorker({ pool });
      const calls = new ServerCalls({
        ...{ now: () => 0, log, maxRetries: 0, idleMs: 1_000 },
        sessions: new Holdings({ noun: "sessions", bound: "sessions", perKey: 1, total: 1 }),
      });
      const request = {
        ...{ upstream: worker.upstream, method: "tools/list", target: "", isSafe: true },
        ...{ owner: "key-1", capabilities: "{}", traceparent: "" },
        message: Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/list"}'),
      } as unknown as CallRequest;
      const asked = calls.ask(era, request, AbortSignal.abort());
      await expect(asked).rejects.toMatchObject({ reason: "UPSTREAM_TIMEOUT" });
      expect(requests).toBe(0);
      expect(worker.slots.taken).toBe(0);
      await calls.close();
    },
  );
});
