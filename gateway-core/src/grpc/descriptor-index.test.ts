import { describe, expect, it } from "@jest/globals";
import { GatewayService } from "@gatewayops/proto/gatewayops/gateway/v1/gateway_service_pb";
import { Health } from "@gatewayops/proto/grpc/health/v1/health_pb";
import { createDescriptorIndex, nameOf, withImports } from "./descriptor-index.ts";

const GATEWAY = "gatewayops/gateway/v1/gateway_service.proto";
const HEALTH = "grpc/health/v1/health.proto";
const index = createDescriptorIndex([GatewayService, Health]);

describe("the descriptor index", () => {
  it.each([
    ["a service", "gatewayops.gateway.v1.GatewayService", GATEWAY],
    ["a method", "gatewayops.gateway.v1.GatewayService.CallTool", GATEWAY],
    ["a message", "gatewayops.gateway.v1.ToolResult", GATEWAY],
    ["a field", "gatewayops.gateway.v1.ToolResult.is_error", GATEWAY],
    ["a oneof", "gatewayops.gateway.v1.CallToolResponse.event", GATEWAY],
    ["an enum", "grpc.health.v1.HealthCheckResponse.ServingStatus", HEALTH],
    ["an enum's value", "grpc.health.v1.HealthCheckResponse.SERVING", HEALTH],
    ["an extension", "gatewayops.common.v1.access", "gatewayops/common/v1/options.proto"],
    ["what is imported", "google.protobuf.Struct", "google/protobuf/struct.proto"],
  ])("finds the file of %s", (_what, symbol, file) => {
    expect(index.fileOf(symbol)?.proto.name).toBe(file);
    expect(index.file(file)?.proto.name).toBe(file);
  });

  it("knows nothing of what is not served", () => {
    expect(index.fileOf("gatewayops.auth.v1.InternalAuthService")).toBeUndefined();
    expect(index.file("gatewayops/auth/v1/internal_service.proto")).toBeUndefined();
  });

  it("knows the extensions of a message by number", () => {
    const methods = index.extensionsOf("google.protobuf.MethodOptions");
    expect(methods?.get(50_101)?.proto.name).toBe("gatewayops/common/v1/options.proto");
    expect(index.extensionsOf("gatewayops.gateway.v1.Tool")?.size).toBe(0);
    expect(index.extensionsOf("gatewayops.gateway.v1.Nothing")).toBeUndefined();
  });

  it("puts imports before the files that need them", () => {
    const names = withImports(GatewayService.file).map(nameOf);
    expect(names.at(-1)).toBe(GATEWAY);
    expect(names.indexOf("google/protobuf/descriptor.proto")).toBeLessThan(
      names.indexOf("gatewayops/common/v1/options.proto"),
    );
  });
});
