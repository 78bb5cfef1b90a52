import type { IncomingHttpHeaders } from "node:http";
import { decodedHeader } from "../upstream/mcp-headers.ts";
import { MessageError, type McpMessage } from "./message.ts";

/** HeaderMismatch (MCP 2026-07-28 basic §Error Codes). */
const HEADER_MISMATCH = -32020;

/**
 * Holds the headers of a modern message to its body: whoever reads only one of them must not be told another story
 * (MCP 2026-07-28 streamable-http §Server Validation).
 *
 * @throws MessageError -32020 when one is missing or says something else
 */
export function requireMatchingHeaders(message: McpMessage, headers: IncomingHttpHeaders): void {
  requireSame("MCP-Protocol-Version", headers["mcp-protocol-version"], message.version);
  if (message.kind !== "request") return;
  requireSame("Mcp-Method", headers["mcp-method"], message.method);
  if (message.target !== "") requireSame("Mcp-Name", decoded(headers["mcp-name"]), message.target);
}

function requireSame(name: string, given: string | string[] | undefined, wanted: string): void {
  if (given === wanted) return;
  throw new MessageError(
    HEADER_MISMATCH,
    given === undefined
      ? `The header ${name} is missing.`
      : `The header ${name} and the body do not say the same.`,
  );
}

/** What a header says; nothing when its encoding is broken, and undefined when there is none. */
function decoded(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? (decodedHeader(value) ?? "") : undefined;
}
