import type { HandlerContext } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as Status,
} from "@gatewayops/proto/grpc/health/v1/health_pb";
import { createHealth } from "./health.ts";

function health(closing = new AbortController()) {
  const state = { isReady: true };
  const service = createHealth({
    services: ["a.B"],
    isReady: () => state.isReady && !closing.signal.aborted,
    closing: closing.signal,
  });
  const watcher = new AbortController();
  const context = { signal: watcher.signal } as HandlerContext;
  const asked = (name: string) => create(HealthCheckRequestSchema, { service: name });
  return {
    state,
    closing,
    watcher,
    check: (name: string) => service.check(asked(name), context),
    watch: (name: string) => service.watch(asked(name), context)[Symbol.asyncIterator](),
  };
}

describe("health", () => {
  it("is that of /ready, for the whole and for each service", () => {
    const { check, state } = health();
    expect([check(""), check("a.B")]).toEqual([
      { status: Status.SERVING },
      { status: Status.SERVING },
    ]);
    state.isReady = false;
    expect([check(""), check("a.B")]).toEqual([
      { status: Status.NOT_SERVING },
      { status: Status.NOT_SERVING },
    ]);
  });

  it("is NOT_FOUND for a service that is not known, and SERVICE_UNKNOWN for who watches it", async () => {
    const { check, watch, watcher } = health();
    expect(() => check("a.C")).toThrow(/no health/);
    const changes = watch("a.C");
    expect((await changes.next()).value).toEqual({ status: Status.SERVICE_UNKNOWN });
    watcher.abort();
    expect((await changes.next()).done).toBe(true);
  });

  it("tells of changes, the last of them that the process closes", async () => {
    const { watch, state, closing } = health();
    const changes = watch("");
    expect((await changes.next()).value).toEqual({ status: Status.SERVING });
    state.isReady = false;
    expect((await changes.next()).value).toEqual({ status: Status.NOT_SERVING });
    state.isReady = true;
    expect((await changes.next()).value).toEqual({ status: Status.SERVING });
    const last = changes.next();
    closing.abort();
    expect((await last).value).toEqual({ status: Status.NOT_SERVING });
    expect((await changes.next()).done).toBe(true);
  });

  it("ends when who watches goes", async () => {
    const { watch, watcher } = health();
    const changes = watch("");
    await changes.next();
    const next = changes.next();
    watcher.abort();
    expect((await next).done).toBe(true);
  });
});
