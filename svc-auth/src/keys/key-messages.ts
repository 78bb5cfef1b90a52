import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  ApiKeySchema,
  type ApiKey as ApiKeyMessage,
  type KeyScopes as KeyScopesMessage,
} from "@gatewayops/proto/gatewayops/auth/v1/api_key_pb";
import { DEFAULT_SCOPES, type ApiKey, type KeyScopes } from "./api-key.ts";

export function toApiKey(key: ApiKey): ApiKeyMessage {
  const { scopes } = key;
  return create(ApiKeySchema, {
    id: key.id,
    orgId: key.orgId,
    userId: key.userId ?? "",
    teamId: key.teamId ?? "",
    name: key.name,
    keyPrefix: key.prefix,
    environment: key.environment,
    scopes: {
      servers: [...scopes.servers],
      tools: [...scopes.tools],
      permissions: [...scopes.permissions],
      rateRps: scopes.rateRps,
      rateBurst: scopes.rateBurst,
    },
    createTime: timestampFromDate(key.createTime),
    ...(key.expireTime && { expireTime: timestampFromDate(key.expireTime) }),
    ...(key.lastUsedTime && { lastUsedTime: timestampFromDate(key.lastUsedTime) }),
    ...(key.revokeTime && { revokeTime: timestampFromDate(key.revokeTime) }),
  });
}

export function keyScopesFrom(message: KeyScopesMessage | undefined): KeyScopes {
  if (!message) return DEFAULT_SCOPES;
  const { servers, tools, permissions, rateRps, rateBurst } = message;
  return {
    servers: [...new Set(servers)],
    tools: [...new Set(tools)],
    permissions: [...new Set(permissions)],
    rateRps,
    rateBurst,
  };
}
