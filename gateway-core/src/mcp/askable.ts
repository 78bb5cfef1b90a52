import { objectFrom } from "./json-object.ts";

/** What a server may ask of an agent (MCP 2025-11-25 client/*), and the capability that the agent must have declared for it. */
const NEEDED: ReadonlyMap<string, string> = new Map([
  ["elicitation/create", "elicitation"],
  ["sampling/createMessage", "sampling"],
  ["roots/list", "roots"],
]);

/** True when an agent of these capabilities may be asked anything at all. @param capabilities JSON */
export function canBeAsked(capabilities: string): boolean {
  const declared = objectFrom(capabilities);
  return [...NEEDED.values()].some((name) => declared[name] !== undefined);
}

/** MissingRequiredClientCapability (MCP 2026-07-28 basic §Error Codes). */
export const CAPABILITY_MISSING = -32021;

/** The capability a server's request needs and the agent has not declared; undefined when it may be asked. */
export function missingCapability(
  method: string,
  declared: Readonly<Record<string, unknown>>,
): string | undefined {
  const needed = NEEDED.get(method);
  return needed === undefined || declared[needed] !== undefined ? undefined : needed;
}

/** The error that says so. @param idText JSON of the request's id */
export function capabilityError(idText: string, capability: string): Buffer {
  const error = {
    code: CAPABILITY_MISSING,
    message: `The request needs a client with the capability "${capability}".`,
    data: { requiredCapabilities: { [capability]: {} } },
  };
  return Buffer.from(`{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify(error)}}`);
}
