import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import { Failure } from "../errors.ts";

/** Who calls a control-plane method, once admitted. */
export type Caller = {
  /** UUID of the organisation. Every store call takes it first. */
  readonly orgId: string;
  readonly orgName: string;
  /** UUID of the person. Empty for a key of a team or a service. */
  readonly userId: string;
  /** UUID of the API key. Empty for a session. */
  readonly keyId: string;
  readonly email: string;
  /** Name of the person or of the key. */
  readonly name: string;
  readonly role: string;
  /** Permissions such as "traces:read". "*" means all. */
  readonly permissions: ReadonlySet<string>;
  /** When the session or key ends. Undefined: not limited. */
  readonly expireTime: Date | undefined;
};

/** The admitted caller, in the handler context. Undefined for public and internal methods. */
export const callerKey = createContextKey<Caller | undefined>(undefined, {
  description: "the admitted caller",
});

/** The id of this request, "req_…", in the handler context. */
export const requestIdKey = createContextKey("", { description: "the request id" });

/** The admitted caller of the method that a handler serves. */
export function requireCaller(context: Pick<HandlerContext, "values">): Caller {
  const caller = context.values.get(callerKey);
  if (caller === undefined)
    throw new Failure("CREDENTIALS_MISSING", "This method needs an API key or a session.");
  return caller;
}

/** True when the permission is granted: "*", the permission itself, or all actions of its resource ("traces:*"). */
export function isGranted(granted: ReadonlySet<string>, permission: string): boolean {
  return (
    granted.has("*") ||
    granted.has(permission) ||
    granted.has(`${permission.slice(0, permission.indexOf(":"))}:*`)
  );
}
