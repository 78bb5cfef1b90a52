import type { ServiceImpl } from "@connectrpc/connect";
import { requireCaller } from "@gatewayops/platform/rpc/caller";
import { SESSION_COOKIE } from "@gatewayops/platform/rpc/client";
import type { SessionService } from "@gatewayops/proto/gatewayops/auth/v1/session_service_pb";
import { Secret } from "../secret.ts";
import { toIdentity } from "./identity-message.ts";
import { addressOf, clearedCookie, isHttps, sessionCookie, sessionIdIn } from "./session-cookie.ts";
import type { SessionKeeper } from "./session-keeper.ts";

export type SessionRpcOptions = {
  readonly keeper: SessionKeeper;
  /** True: the cookie is for https only, even when the proxy in front does not say that it serves https. */
  readonly secureCookies: boolean;
};

export function createSessionRpc(options: SessionRpcOptions): ServiceImpl<typeof SessionService> {
  const { keeper } = options;
  const cookieFor = (headers: Headers): { secure: boolean } => ({
    secure: options.secureCookies || isHttps(headers),
  });
  return {
    async signIn(request, context) {
      const headers = context.requestHeader;
      const { caller, sessionId } = await keeper.signIn({
        email: request.email,
        password: new Secret(request.password),
        address: addressOf(headers),
        previousSessionId: sessionIdIn(headers, SESSION_COOKIE),
      });
      context.responseHeader.append("set-cookie", sessionCookie(sessionId, cookieFor(headers)));
      return { identity: toIdentity(caller) };
    },
    async signOut(_request, context) {
      const headers = context.requestHeader;
      const sessionId = sessionIdIn(headers, SESSION_COOKIE);
      if (sessionId) await keeper.signOut(sessionId);
      context.responseHeader.append("set-cookie", clearedCookie(cookieFor(headers)));
      return {};
    },
    whoAmI(_request, context) {
      return { identity: toIdentity(requireCaller(context)) };
    },
  };
}
