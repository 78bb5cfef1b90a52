import { timingSafeEqual } from "node:crypto";
import { getOption, type DescMethod, type DescService } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Interceptor } from "@connectrpc/connect";
import { access, type AccessRule } from "@gatewayops/proto/gatewayops/common/v1/options_pb";
import { Failure } from "../errors.ts";
import { callerKey, isGranted, type Caller } from "./caller.ts";

/** Header by which one GatewayOps process proves itself to another. */
export const INTERNAL_HEADER = "x-gwo-internal";

export type AccessOptions = {
  /** Finds the caller, undefined when no credentials were sent; throws Failure when they are bad. */
  readonly authenticate: (headers: Headers) => Promise<Caller | undefined>;
  readonly internalSecret: string;
};

/** Every method's rule, by method. Throws when one has none: such a service must not start. */
export function accessRules(
  services: readonly DescService[],
): ReadonlyMap<string, AccessRule["rule"]> {
  const rules = new Map<string, AccessRule["rule"]>();
  for (const method of services.flatMap((service) => service.methods)) {
    const { rule } = getOption(method, access);
    if (rule.case === undefined || rule.value === false || rule.value === "")
      throw new Error(
        `${methodName(method)} declares no (gatewayops.common.v1.access) rule. ` +
          "Say in its .proto who may call it: permission, authenticated, public or internal.",
      );
    rules.set(methodName(method), rule);
  }
  return rules;
}

/** Admits callers by the rule of the method, and puts the caller into the handler context. */
export function accessInterceptor(
  services: readonly DescService[],
  options: AccessOptions,
): Interceptor {
  const rules = accessRules(services);
  return (next) => async (request) => {
    const rule = rules.get(methodName(request.method));
    switch (rule?.case) {
      case "internal":
        requireInternal(request.header, options.internalSecret);
        break;
      case "public":
        requireSameOrigin(request.method, request.header);
        break;
      case "authenticated":
      case "permission": {
        requireSameOrigin(request.method, request.header);
        const caller = await admit(request.header, rule);
        request.contextValues.set(callerKey, caller);
        if (!request.stream) break;
        const response = await next(request);
        return response.stream
          ? { ...response, message: whileAdmitted(response.message, request.header, rule, caller) }
          : response;
      }
      default:
        // Scopes are the gateway's to check: here nothing would.
        throw new Failure("PERMISSION_DENIED", "No caller is admitted to this method here.");
    }
    return next(request);
  };

  async function admit(headers: Headers, rule: CallerRule): Promise<Caller> {
    const caller = await options.authenticate(headers);
    if (caller === undefined)
      throw new Failure(
        "CREDENTIALS_MISSING",
        "Send an API key as `Authorization: Bearer gwo_…`, or sign in.",
      );
    if (rule.case === "permission" && !isGranted(caller.permissions, rule.value))
      throw new Failure(
        "PERMISSION_DENIED",
        `${caller.name} lacks the permission ${rule.value}. Ask an administrator of ${caller.orgName} for it.`,
      );
    return caller;
  }

  /** Passes a stream on for as long as its caller would still be admitted: looked at before a message goes out. */
  async function* whileAdmitted<T>(
    messages: AsyncIterable<T>,
    headers: Headers,
    rule: CallerRule,
    { orgId }: Caller,
  ): AsyncGenerator<T> {
    let checked = performance.now();
    for await (const message of messages) {
      if (performance.now() - checked >= RECHECK_MS) {
        const caller = await admit(headers, rule);
        if (caller.orgId !== orgId)
          throw new Failure("SESSION_INVALID", "You are signed in elsewhere now. Ask again.");
        checked = performance.now();
      }
      yield message;
    }
  }
}

/** Rules under which somebody must have been admitted. */
type CallerRule = Extract<AccessRule["rule"], { case: "permission" | "authenticated" }>;

/** Milliseconds for which the caller of a stream is believed. A stream that is silent for longer sends nothing meanwhile. */
const RECHECK_MS = 1_000;

function requireInternal(headers: Headers, secret: string): void {
  const given = Buffer.from(headers.get(INTERNAL_HEADER) ?? "");
  const wanted = Buffer.from(secret);
  if (wanted.length === 0 || given.length !== wanted.length || !timingSafeEqual(given, wanted))
    throw new Failure("PERMISSION_DENIED", "This method is internal.");
}

/**
 * Refuses changes that another site makes a browser send with our cookie (cross-site request forgery). Browsers say
 * where a request comes from in Sec-Fetch-Site, older ones in Origin; clients that are no browsers send neither, and
 * have no cookie either.
 */
function requireSameOrigin(method: DescMethod, headers: Headers): void {
  if (method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return;
  const site = headers.get("sec-fetch-site");
  const origin = headers.get("origin");
  const usesCookie = headers.get("authorization") === null && headers.get("cookie") !== null;
  const sameOrigin =
    site !== null
      ? site === "same-origin" || site === "none"
      : origin !== null
        ? URL.canParse(origin) && new URL(origin).host === headers.get("host")
        : !usesCookie;
  if (!sameOrigin)
    throw new Failure(
      "ORIGIN_FORBIDDEN",
      "A change must come from the console's own pages, or carry an API key.",
    );
}

function methodName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}
