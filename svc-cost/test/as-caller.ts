import type { Interceptor } from "@connectrpc/connect";
import { callerKey } from "@gatewayops/platform/rpc/caller";

/** Makes every call one of a person who may do anything in an organisation. */
export function asCaller(orgId: () => string): Interceptor {
  return (next) => (request) => {
    request.contextValues.set(callerKey, {
      orgId: orgId(),
      orgName: "Test",
      userId: "",
      keyId: "",
      email: "",
      name: "",
      role: "admin",
      permissions: new Set(["*"]),
      expireTime: undefined,
    });
    return next(request);
  };
}
