import { describe, expect, it } from "@jest/globals";
import { isJSONRPCNotification, isJSONRPCRequest } from "@modelcontextprotocol/client";
import { Failure } from "@gatewayops/platform/errors";
import fc from "fast-check";
import { readFacade } from "../../src/http/facade.ts";
import { MessageError, readMessage } from "../../src/mcp/message.ts";
import { readServerMessage } from "../../src/upstream/server-message.ts";
import { CASES } from "./cases.ts";
import {
  membersArb,
  mutated,
  objectText,
  parsed,
  spaces,
  valueJson,
  writtenAs,
} from "./json-text.ts";

const METHODS = ["tools/call", "tools/list", "resources/read", "prompts/get", "ping", "x/y"];
const idJson = fc.constantFrom(
  "1",
  '"a"',
  "-0.5e3",
  '"\\u0061\\n"',
  "12345678901234567890",
  "null",
);
const metaJson = fc
  .tuple(
    membersArb(["io.modelcontextprotocol/protocolVersion", "progressToken", "traceparent", "x"]),
    spaces,
  )
  .map(([members, space]) => objectText(members, space));
const paramsJson = fc
  .tuple(membersArb(["name", "uri", "arguments", "requestState", "x"]), metaJson, spaces)
  .map(([members, meta, space]) =>
    objectText([...members, { key: '"_meta"', value: meta }], space),
  );

/** A message from an agent: mostly a valid one. */
const agentMessage = fc
  .tuple(
    fc.constantFrom(...METHODS).chain(writtenAs),
    fc.option(idJson, { nil: undefined }),
    fc.option(fc.oneof({ weight: 4, arbitrary: paramsJson }, valueJson), { nil: undefined }),
    membersArb(["extra"]),
    spaces,
  )
  .map(([method, id, params, others, space]) =>
    Buffer.from(
      objectText(
        [
          { key: '"jsonrpc"', value: '"2.0"' },
          ...(id === undefined ? [] : [{ key: '"id"', value: id }]),
          { key: '"method"', value: method },
          ...(params === undefined ? [] : [{ key: '"params"', value: params }]),
          ...others,
        ],
        space,
      ),
    ),
  );

/** A message from a server: an answer, a request or a notification. */
const serverMessage = fc
  .tuple(membersArb(["id", "method", "params", "result", "error", "jsonrpc"]), spaces)
  .map(([members, space]) => Buffer.from(objectText(members, space)));

describe("readMessage", () => {
  it("agrees with JSON.parse on what it takes, and refuses with a JSON-RPC error what it does not", () => {
    fc.assert(
      fc.property(mutated(agentMessage), (bytes) => {
        let message;
        try {
          message = readMessage(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MessageError);
          expect([-32700, -32600, -32602]).toContain((error as MessageError).rpcCode);
          // What an agent is told must be JSON whatever it sent.
          expect(() => void JSON.parse((error as MessageError).idText)).not.toThrow();
          return;
        }
        const value = parsed(bytes) as Record<string, unknown>;
        expect(value["jsonrpc"]).toBe("2.0");
        expect(JSON.parse(message.idText)).toEqual(value["id"] ?? null);
        expect(message.method).toBe(value["method"] ?? "");
        if (message.kind !== "response") expect(message.params).toEqual(value["params"] ?? {});
      }),
      { numRuns: CASES.message / 2 },
    );
  });

  it("takes every request and notification that the official SDK takes, unless it is ambiguous", () => {
    fc.assert(
      fc.property(agentMessage, (bytes) => {
        const value = parsed(bytes);
        if (!isJSONRPCRequest(value) && !isJSONRPCNotification(value)) return;
        try {
          const message = readMessage(bytes);
          expect(message.kind).toBe(isJSONRPCRequest(value) ? "request" : "notification");
          expect(message.method).toBe(value.method);
        } catch (error) {
          expect((error as Error).message).toMatch(REASONS_OF_OUR_OWN);
        }
      }),
      { numRuns: CASES.message / 2 },
    );
  });
});

/** What is refused here and is no concern of the SDK's shape check: params of methods, calls nobody could record. */
const REASONS_OF_OUR_OWN =
  /must be text\.$|needs an "id"|too like|twice|must have "io\.modelcontextprotocol/;

describe("readServerMessage", () => {
  it("agrees with JSON.parse on what it takes, and takes nothing that parsers may read differently", () => {
    fc.assert(
      fc.property(mutated(serverMessage), (bytes) => {
        const message = readServerMessage(bytes);
        const value = parsed(bytes) as Record<string, unknown> | undefined;
        if (!message) return;
        expect(value).toBeDefined();
        const said = ["method", "result", "error"].filter((key) => Object.hasOwn(value!, key));
        expect(said).toHaveLength(1);
        expect(message.kind === "answer").toBe(said[0] !== "method");
        if (message.kind === "answer" && said[0] === "result") {
          expect(JSON.parse(message.resultText)).toEqual(value!["result"]);
          expect(message.errorCode).toBe(0);
        }
        if (said[0] === "error") expect(message.errorCode).not.toBe(0);
        if (message.idText !== "") expect(JSON.parse(message.idText)).toEqual(value!["id"]);
      }),
      { numRuns: CASES.serverMessage },
    );
  });
});

const FACADE = ["tools/call", "tools/list", "resources/read", "prompts/get"];
const facadeBody = fc
  .tuple(
    membersArb(["tool", "name", "uri", "arguments", "_meta", "cursor", "request_state"]),
    spaces,
  )
  .map(([members, space]) => Buffer.from(objectText(members, space)));

describe("readFacade", () => {
  it("makes JSON-RPC of any body, value by value, or refuses it with a reason", () => {
    fc.assert(
      fc.property(fc.constantFrom(...FACADE), mutated(facadeBody), (method, bytes) => {
        let made;
        try {
          made = readFacade(method, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
          expect(["REQUEST_INVALID", "REQUEST_MALFORMED"]).toContain((error as Failure).reason);
          return;
        }
        const { params, ...rest } = parsed(made.rpc) as { params: Record<string, unknown> };
        expect(rest).toEqual({ jsonrpc: "2.0", id: 0, method });
        const given = (bytes.length === 0 ? {} : parsed(bytes)) as Record<string, unknown>;
        const renamed = Object.fromEntries(
          Object.entries(given).map(([key, value]) => [
            RENAMED[`${method} ${key}`] ?? RENAMED[key] ?? key,
            value,
          ]),
        );
        expect(params).toEqual(renamed);
        expect(made.message.params).toEqual(renamed);
      }),
      { numRuns: CASES.facade },
    );
  });
});

const RENAMED: Readonly<Record<string, string>> = {
  "tools/call tool": "name",
  input_responses: "inputResponses",
  request_state: "requestState",
};
