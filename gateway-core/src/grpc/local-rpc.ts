import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { DescService } from "@bufbuild/protobuf";
import { createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { GatewayService } from "@gatewayops/proto/gatewayops/gateway/v1/gateway_service_pb";
import { Health } from "@gatewayops/proto/grpc/health/v1/health_pb";
import { ServerReflection } from "@gatewayops/proto/grpc/reflection/v1/reflection_pb";
import { ServerReflection as ServerReflectionAlpha } from "@gatewayops/proto/grpc/reflection/v1alpha/reflection_pb";
import { accessRules } from "@gatewayops/platform/rpc/access";
import { createDescriptorIndex } from "./descriptor-index.ts";
import { connectionKey, GatewayCalls, type GatewayCallsOptions } from "./gateway-calls.ts";
import { createGatewayService } from "./gateway-service.ts";
import { createHealth, type HealthOptions } from "./health.ts";
import { createReflection } from "./reflection.ts";

/** The services of the gateway itself, over gRPC, gRPC-Web and Connect. */
export type LocalRpc = {
  /** True for a path of one of their methods. */
  readonly serves: (path: string) => boolean;
  readonly handle: (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ) => void;
};

export type LocalRpcOptions = GatewayCallsOptions &
  Omit<HealthOptions, "services"> & {
    /** Services that are reached through the gateway's port beside its own; reflection tells of them. */
    readonly forwarded: readonly DescService[];
  };

/**
 * Our own methods must be declared as what they are: admitted by the pipeline, whatever the other services' rules.
 *
 * @throws Error which keeps the worker from starting
 */
function requireScoped(service: DescService): void {
  for (const [method, rule] of accessRules([service]))
    if (rule.case !== "scoped")
      throw new Error(`${method}: the gateway admits by scopes; declare (access).scoped.`);
}

const SERVICES = [GatewayService, Health, ServerReflection, ServerReflectionAlpha] as const;

export function createLocalRpc(options: LocalRpcOptions): LocalRpc {
  requireScoped(GatewayService);
  const serverReflectionInfo = createReflection(
    createDescriptorIndex([...SERVICES, ...options.forwarded]),
  );
  const handle = connectNodeAdapter({
    routes: (router) => {
      router.service(GatewayService, createGatewayService(new GatewayCalls(options)));
      router.service(
        Health,
        createHealth({ ...options, services: SERVICES.map(({ typeName }) => typeName) }),
      );
      router.service(ServerReflection, { serverReflectionInfo });
      router.service(ServerReflectionAlpha, { serverReflectionInfo });
    },
    contextValues: (request) =>
      createContextValues().set(
        connectionKey,
        ("stream" in request ? request.stream.session : request.socket) ?? {},
      ),
    readMaxBytes: options.pipeline.bodyMaxBytes,
  });
  const paths = new Set(
    SERVICES.flatMap(({ typeName, methods }) => methods.map(({ name }) => `/${typeName}/${name}`)),
  );
  return { serves: (path) => paths.has(path), handle };
}
