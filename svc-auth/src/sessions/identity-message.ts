import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Caller } from "@gatewayops/platform/rpc/caller";
import {
  IdentitySchema,
  type Identity,
} from "@gatewayops/proto/gatewayops/auth/v1/session_service_pb";

export function toIdentity(caller: Caller): Identity {
  return create(IdentitySchema, {
    orgId: caller.orgId,
    orgName: caller.orgName,
    userId: caller.userId,
    email: caller.email,
    name: caller.name,
    role: caller.role,
    permissions: [...caller.permissions],
    ...(caller.expireTime && { expireTime: timestampFromDate(caller.expireTime) }),
  });
}
