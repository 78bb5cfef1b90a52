import type { DescService } from "@bufbuild/protobuf";
import { createClient, type Client, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import type { Identity } from "@gatewayops/proto/gatewayops/auth/v1/session_service_pb";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Failure } from "../errors.ts";
import { parseApiKey } from "../api-key.ts";
import { INTERNAL_HEADER } from "./access.ts";
import type { Caller } from "./caller.ts";
import { failureFromConnect, isPeerAway } from "./errors.ts";

/** How one GatewayOps process reaches another. */
export type InternalClientOptions = {
  /** Base URL of the peer's HTTP/2 port, for example "http://127.0.0.1:9091". */
  readonly baseUrl: string;
  readonly internalSecret: string;
  /** Milliseconds a call may take. */
  readonly timeoutMs?: number;
};

/** Deadline of internal calls when none is given. */
const DEFAULT_TIMEOUT_MS = 5_000;

/** A client of a peer's service over Connect on HTTP/2, proving itself by the internal secret. */
export function createInternalClient<S extends DescService>(
  service: S,
  options: InternalClientOptions,
): Client<S> {
  const prove: Interceptor = (next) => (request) => {
    request.header.set(INTERNAL_HEADER, options.internalSecret);
    return next(request);
  };
  return createClient(
    service,
    createConnectTransport({
      baseUrl: options.baseUrl,
      httpVersion: "2",
      useBinaryFormat: true,
      defaultTimeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      interceptors: [prove],
    }),
  );
}

/** Name of the console's session cookie. */
export const SESSION_COOKIE = "gwo_session";

/** Milliseconds that svc-auth's answer is believed without asking again. Short, so that a revocation counts at once. */
const CALLER_TTL_MS = 1_000;
const CALLERS_MAX = 10_000;

/**
 * Finds callers by asking svc-auth, for every service but svc-auth itself. Answers are believed for a second.
 */
export function createRemoteAuthenticator(
  options: InternalClientOptions & { readonly now: () => number },
): (headers: Headers) => Promise<Caller | undefined> {
  const auth = createInternalClient(InternalAuthService, options);
  const known = new Map<string, { caller: Caller; until: number }>();
  return async (headers) => {
    const credentials = credentialsOf(headers);
    if (credentials === undefined) return undefined;
    const id = `${credentials.kind} ${credentials.value}`;
    const cached = known.get(id);
    if (cached && cached.until > options.now()) return cached.caller;
    const caller = callerFrom(await ask(credentials));
    if (known.size >= CALLERS_MAX) known.clear();
    known.set(id, { caller, until: options.now() + CALLER_TTL_MS });
    return caller;
  };

  async function ask(
    credentials: Credentials,
  ): Promise<{ identity: Identity | undefined; keyId: string }> {
    try {
      if (credentials.kind === "session") {
        const answer = await auth.validateSession({ session: credentials.value });
        return { identity: answer.identity, keyId: "" };
      }
      const answer = await auth.validateKey({ key: credentials.value });
      return { identity: answer.identity, keyId: answer.apiKey?.id ?? "" };
    } catch (error) {
      if (isPeerAway(error))
        throw new Failure(
          "AUTH_UNAVAILABLE",
          "The auth service does not answer. Try again shortly.",
          {
            retryAfterMs: 2_000,
            cause: error,
          },
        );
      throw failureFromConnect(error);
    }
  }
}

/** What a request proves itself with. */
export type Credentials = { readonly kind: "key" | "session"; readonly value: string };

/**
 * The credentials of a request: the bearer token first, else the session cookie. Undefined when it has none.
 *
 * @throws Failure KEY_INVALID when the token is not in the key format: junk is refused without asking anyone
 */
export function credentialsOf(headers: Headers): Credentials | undefined {
  const authorization = headers.get("authorization");
  if (authorization !== null) {
    const token = /^Bearer ([^\s]+)$/i.exec(authorization)?.[1];
    if (token === undefined || parseApiKey(token) === undefined)
      throw new Failure("KEY_INVALID", "The API key is not valid: it is incomplete or mistyped.");
    return { kind: "key", value: token };
  }
  const cookie = headers.get("cookie") ?? "";
  const session = cookie
    .split(";")
    .map((part) => part.trim().split("="))
    .find(([name]) => name === SESSION_COOKIE)?.[1];
  return session === undefined || session === "" ? undefined : { kind: "session", value: session };
}

/** The caller that svc-auth's answer describes. */
export function callerFrom(answer: { identity: Identity | undefined; keyId: string }): Caller {
  const { identity, keyId } = answer;
  if (identity === undefined)
    throw new Failure("INTERNAL", "The auth service answered without an identity.");
  return {
    orgId: identity.orgId,
    orgName: identity.orgName,
    userId: identity.userId,
    keyId,
    email: identity.email,
    name: identity.name,
    role: identity.role,
    permissions: new Set(identity.permissions),
    expireTime: identity.expireTime ? timestampDate(identity.expireTime) : undefined,
  };
}
