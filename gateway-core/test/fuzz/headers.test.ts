import { validateHeaderValue } from "node:http";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Principal } from "../../src/control/principal.ts";
import { requireMatchingHeaders } from "../../src/mcp/header-match.ts";
import { readMessage, type MessageError } from "../../src/mcp/message.ts";
import {
  createOwnedId,
  createStateSeal,
  ownerOf,
  type StatePurpose,
} from "../../src/mcp/owned-ids.ts";
import { createSessionIds } from "../../src/sessions/session-ids.ts";
import {
  decodedHeader,
  headerValue,
  mirrorHeaders,
  mirrorsOf,
} from "../../src/upstream/mcp-headers.ts";
import { CASES } from "./cases.ts";
import { mutated, valueJson } from "./json-text.ts";

const anyText = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom(
    "=?base64?YQ==?=",
    "=?base64?",
    " a",
    "a\r\nx: y",
    "\u0000",
    "",
    "=?BASE64?YQ==?=",
  ),
);

describe("header values", () => {
  it("carry any text through HTTP and back", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const value = headerValue(text);
        expect(() => {
          validateHeaderValue("mcp-name", value);
        }).not.toThrow();
        expect(value).toBe(value.trim());
        expect(decodedHeader(value)).toBe(text);
      }),
      { numRuns: CASES.headers / 2 },
    );
  });

  it("match the body only when they say the same, whatever is sent", () => {
    fc.assert(
      fc.property(
        anyText,
        mutated(anyText.map((text) => Buffer.from(headerValue(text)))),
        (name, sent) => {
          const body = {
            jsonrpc: "2.0",
            id: 1,
            method: "tools/call",
            params: {
              name,
              _meta: {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
              },
            },
          };
          const header = sent.toString("latin1");
          const message = readMessage(Buffer.from(JSON.stringify(body)));
          let isTaken = true;
          try {
            requireMatchingHeaders(message, {
              "mcp-protocol-version": "2026-07-28",
              "mcp-method": "tools/call",
              "mcp-name": header,
            });
          } catch (error) {
            expect((error as MessageError).rpcCode).toBe(-32020);
            isTaken = false;
          }
          const encoded = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(header)?.[1];
          const said =
            encoded === undefined ? header : Buffer.from(encoded, "base64").toString("utf8");
          if (isTaken && name !== "") expect(said).toBe(name);
          if (!isTaken) expect(header).not.toBe(headerValue(name));
        },
      ),
      { numRuns: CASES.headers / 4 },
    );
  });

  it("mirror arguments of any schema without an error, in values that HTTP can carry", () => {
    const schema = valueJson.map((json) => json.replaceAll(/"[a-z]+"(?=\s*:)/g, '"x-mcp-header"'));
    fc.assert(
      fc.property(schema, valueJson, fc.string(), (json, args, mark) => {
        const inner: unknown = JSON.parse(json);
        const mirrors = mirrorsOf({
          properties: { a: { "x-mcp-header": mark, type: "string" }, b: inner },
        });
        for (const value of mirrorHeaders(mirrors ?? [], { a: JSON.parse(args) as unknown }))
          expect(() => {
            validateHeaderValue("x", value);
          }).not.toThrow();
      }),
      { numRuns: CASES.headers / 4 },
    );
  });
});

const SECRET = "a secret of at least thirty-two characters";
const principal = { keyIdText: "key-1", orgIdText: "org-1" } as Principal;

describe("ids that agents bring back", () => {
  it("are taken as they were given, and in no other spelling", () => {
    const ids = createSessionIds(SECRET);
    const seal = createStateSeal(SECRET);
    const purpose: StatePurpose = {
      principal,
      serverId: "s",
      method: "tools/call",
      target: "t",
      args: { a: 1 },
    };
    const session = ids.create(principal, "s");
    const owned = createOwnedId("worker");
    const state = seal.seal(owned, purpose);
    fc.assert(
      fc.property(
        mutated(fc.constantFrom(session, state, owned).map((id) => Buffer.from(id))),
        (bytes) => {
          const id = bytes.toString("latin1");
          expect(ids.isOf(id, principal, "s")).toBe(id === session);
          expect(seal.open(id, purpose)).toBe(id === state ? owned : undefined);
          expect(seal.open(id, { ...purpose, target: "u" })).toBeUndefined();
          expect(() => ownerOf(id)).not.toThrow();
        },
      ),
      { numRuns: CASES.ids },
    );
  });
});
