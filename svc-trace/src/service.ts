import type { ConnectRouter } from "@connectrpc/connect";
import { TraceService } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { createTraceRpc, type TraceRpcOptions } from "./traces/trace-rpc.ts";

/** The services svc-trace serves. */
export const SERVICES = [TraceService] as const;

/** Registers svc-trace's methods. */
export function traceRoutes(options: TraceRpcOptions): (router: ConnectRouter) => void {
  return (router) => {
    router.service(TraceService, createTraceRpc(options));
  };
}
