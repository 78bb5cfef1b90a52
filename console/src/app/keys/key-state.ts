import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { ApiKey } from "@gatewayops/proto/gatewayops/auth/v1/api_key_pb";

export type KeyState = "active" | "suspended" | "revoked" | "expired";

/** Whether a key works. What ended it for good is said first. */
export function keyStateOf(
  key: Pick<ApiKey, "revokeTime" | "expireTime" | "suspendTime">,
  nowMs: number,
): KeyState {
  if (key.revokeTime !== undefined) return "revoked";
  const expired = key.expireTime !== undefined && timestampMs(key.expireTime) <= nowMs;
  if (expired) return "expired";
  return key.suspendTime === undefined ? "active" : "suspended";
}

/** What a key may reach, in words. */
export function describeServers(servers: readonly string[]): string {
  if (servers.includes("*")) return "All servers";
  return servers.length === 0 ? "No servers" : servers.join(", ");
}
