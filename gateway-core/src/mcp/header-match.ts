import type { IncomingHttpHeaders } from "node:http";
import { decodedHeader } from "../upstream/mcp-headers.ts";
import { MODERN_VERSION, VERSION_META } from "./envelope.ts";
import { MessageError, type McpMessage } from "./message.ts";

/** Codes of MCP 2026-07-28 basic §Error Codes. */
const HEADER_MISMATCH = -32020;
const UNSUPPORTED_VERSION = -32022;
const INVALID_REQUEST = -32600;
const INVALID_PARAMS = -32602;

/**
 * Holds the headers of a modern message to its body: whoever reads only one of them must not be told another story
 * (MCP 2026-07-28 streamable-http §Server Validation). A message is modern by its envelope or by its version header.
 *
 * @throws MessageError -32602 when a request lacks its envelope, -32020 when a header is missing or says something
 *   else, -32022 when both name a revision that the gateway does not know, -32600 for a response
 */
export function requireMatchingHeaders(message: McpMessage, headers: IncomingHttpHeaders): void {
  const given = headers["mcp-protocol-version"];
  if (message.era === "legacy") {
    if (typeof given === "string" && isModern(given)) refuseWithoutEnvelope(message);
    return;
  }
  requireSame("MCP-Protocol-Version", given, message.version);
  requireKnown(message.version);
  if (message.kind !== "request") return;
  requireSame("Mcp-Method", headers["mcp-method"], message.method);
  if (message.target !== "") requireSame("Mcp-Name", decoded(headers["mcp-name"]), message.target);
}

/** True for the date of a revision that came when sessions had gone. */
function isModern(version: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(version) && version >= MODERN_VERSION;
}

/** Notifications pass: what their envelope holds this revision does not say. */
function refuseWithoutEnvelope(message: McpMessage): void {
  if (message.kind === "response")
    throw new MessageError(INVALID_REQUEST, "Responses are not posted in this revision of MCP.");
  if (message.kind === "request")
    throw new MessageError(
      INVALID_PARAMS,
      `"params._meta" must have "${VERSION_META}", as the header MCP-Protocol-Version has.`,
    );
}

function requireKnown(version: string): void {
  if (version === MODERN_VERSION) return;
  throw new MessageError(UNSUPPORTED_VERSION, "This revision of MCP is not known here.", {
    supported: [MODERN_VERSION],
    requested: version,
  });
}

function requireSame(name: string, given: string | string[] | undefined, wanted: string): void {
  if (given === wanted) return;
  throw new MessageError(
    HEADER_MISMATCH,
    given === undefined
      ? `The header ${name} is missing.`
      : `The header ${name} and the body do not say the same.`,
    { mismatch: { header: name, given: clipped(given), body: clipped(wanted) } },
  );
}

/** A name in the body may be as long as a body. */
function clipped(value: string | string[] | undefined): string | null {
  return value === undefined ? null : String(value).slice(0, 256);
}

/** What a header says; nothing when its encoding is broken, and undefined when there is none. */
function decoded(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? (decodedHeader(value) ?? "") : undefined;
}
