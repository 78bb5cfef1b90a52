import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { ApiKey } from "@gatewayops/proto/gatewayops/auth/v1/api_key_pb";

export type KeyState = "active" | "revoked" | "expired";

/** Whether a key works. A revoked one stays revoked when it has expired too. */
export function keyStateOf(
  key: Pick<ApiKey, "revokeTime" | "expireTime">,
  nowMs: number,
): KeyState {
  if (key.revokeTime !== undefined) return "revoked";
  const expired = key.expireTime !== undefined && timestampMs(key.expireTime) <= nowMs;
  return expired ? "expired" : "active";
}

/** What a key may reach, in words. */
export function describeServers(servers: readonly string[]): string {
  if (servers.includes("*")) return "All servers";
  return servers.length === 0 ? "No servers" : servers.join(", ");
}
