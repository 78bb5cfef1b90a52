import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  ApiKeySchema,
  type ApiKey as ApiKeyMessage,
  type KeyScopes as KeyScopesMessage,
} from "@gatewayops/proto/gatewayops/auth/v1/api_key_pb";
import { accessFrom, toAccessFields } from "../access/access-messages.ts";
import { policyModeFrom, toPolicyMode } from "../access/policy-mode.ts";
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
      ...toAccessFields(scopes),
      permissions: [...scopes.permissions],
      rateRps: scopes.rateRps,
      rateBurst: scopes.rateBurst,
      rateMode: toPolicyMode(scopes.rateMode),
    },
    createTime: timestampFromDate(key.createTime),
    ...(key.expireTime && { expireTime: timestampFromDate(key.expireTime) }),
    ...(key.lastUsedTime && { lastUsedTime: timestampFromDate(key.lastUsedTime) }),
    ...(key.revokeTime && { revokeTime: timestampFromDate(key.revokeTime) }),
    ...(key.suspendTime && { suspendTime: timestampFromDate(key.suspendTime) }),
  });
}

export function keyScopesFrom(message: KeyScopesMessage | undefined): KeyScopes {
  if (!message) return DEFAULT_SCOPES;
  return {
    ...accessFrom(message),
    permissions: [...new Set(message.permissions)],
    rateRps: message.rateRps,
    rateBurst: message.rateBurst,
    rateMode: policyModeFrom(message.rateMode),
  };
}
