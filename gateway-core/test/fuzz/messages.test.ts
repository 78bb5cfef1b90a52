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
const textJson = fc.string({ minLength: 1, maxLength: 8 }).chain(writtenAs);
const TARGETS: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "resources/read": "uri",
  "prompts/get": "name",
};

/** Params of a method: what names its target is mostly text. */
function paramsJson(method: string): fc.Arbitrary<string> {
  const target = TARGETS[method];
  const others = ["name", "uri", "arguments", "requestState", "x"].filter((one) => one !== target);
  return fc
    .tuple(
      fc.oneof({ weight: 7, arbitrary: textJson }, valueJson),
      membersArb(others),
      metaJson,
      spaces,
    )
    .map(([value, members, meta, space]) =>
      objectText(
        [
          ...(target === undefined ? [] : [{ key: JSON.stringify(target), value }]),
          ...members,
          { key: '"_meta"', value: meta },
        ],
        space,
      ),
    );
}

/** A message from an agent: mostly a valid one. */
const agentMessage = fc
  .constantFrom(...METHODS)
  .chain((method) =>
    fc.tuple(
      writtenAs(method),
      fc.option(idJson, { nil: undefined }),
      fc.option(fc.oneof({ weight: 4, arbitrary: paramsJson(method) }, valueJson), {
        nil: undefined,
      }),
      fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, membersArb(["extra"])),
      spaces,
    ),
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

/** What says which kind of message it is: one member, but for a few messages. */
const said = fc.oneof(
  textJson.map((value) => [{ key: '"method"', value }]),
  valueJson.map((value) => [{ key: '"result"', value }]),
  valueJson.map((value) => [{ key: '"error"', value }]),
  membersArb(["method", "result", "error"]),
);
/** A message from a server: an answer, a request or a notification. */
const serverMessage = fc
  .tuple(said, membersArb(["id", "params", "jsonrpc"]), spaces)
  .map(([kind, members, space]) => Buffer.from(objectText([...kind, ...members], space)));

/** Parts of the generated messages, broken ones among them, that must be taken: else a property says little. */
const TAKEN_MIN = { agentMessage: 0.25, sdkMessage: 0.2, serverMessage: 0.3, facade: 0.5 };

describe("readMessage", () => {
  it("agrees with JSON.parse on what it takes, and refuses with a JSON-RPC error what it does not", () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(agentMessage, mutated(agentMessage)), (bytes) => {
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
        taken++;
        const value = parsed(bytes) as Record<string, unknown>;
        expect(value["jsonrpc"]).toBe("2.0");
        expect(JSON.parse(message.idText)).toEqual(value["id"] ?? null);
        expect(message.method).toBe(value["method"] ?? "");
        if (message.kind !== "response") expect(message.params).toEqual(value["params"] ?? {});
      }),
      { numRuns: CASES.message / 2 },
    );
    expect(taken).toBeGreaterThan((CASES.message / 2) * TAKEN_MIN.agentMessage);
  });

  it("takes every request and notification that the official SDK takes, unless it is ambiguous", () => {
    let taken = 0;
    fc.assert(
      fc.property(agentMessage, (bytes) => {
        const value = parsed(bytes);
        if (!isJSONRPCRequest(value) && !isJSONRPCNotification(value)) return;
        try {
          const message = readMessage(bytes);
          expect(message.kind).toBe(isJSONRPCRequest(value) ? "request" : "notification");
          expect(message.method).toBe(value.method);
          taken++;
        } catch (error) {
          expect((error as Error).message).toMatch(REASONS_OF_OUR_OWN);
        }
      }),
      { numRuns: CASES.message / 2 },
    );
    expect(taken).toBeGreaterThan((CASES.message / 2) * TAKEN_MIN.sdkMessage);
  });
});

/** What is refused here and is no concern of the SDK's shape check: params of methods, calls nobody could record. */
const REASONS_OF_OUR_OWN =
  /must be text\.$|needs an "id"|too like|twice|must have "io\.modelcontextprotocol/;

describe("readServerMessage", () => {
  it("agrees with JSON.parse on what it takes, and takes nothing that parsers may read differently", () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(serverMessage, mutated(serverMessage)), (bytes) => {
        const message = readServerMessage(bytes);
        const value = parsed(bytes) as Record<string, unknown> | undefined;
        if (!message) return;
        taken++;
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
    expect(taken).toBeGreaterThan(CASES.serverMessage * TAKEN_MIN.serverMessage);
  });
});

const ROUNDS = ["input_responses", "request_state"];
/** What the façade takes: the paths below a server, each with the member that names its target and all its others. */
const FACADE: Readonly<Record<string, { target?: string; others: readonly string[] }>> = {
  "tools/call": { target: "tool", others: ["arguments", "_meta", ...ROUNDS] },
  "tools/list": { others: ["cursor", "_meta"] },
  "resources/read": { target: "uri", others: ["_meta", ...ROUNDS] },
  "resources/list": { others: ["cursor", "_meta"] },
  "prompts/get": { target: "name", others: ["arguments", "_meta", ...ROUNDS] },
  "prompts/list": { others: ["cursor", "_meta"] },
};
const OBJECTS = ["arguments", "_meta", "input_responses"];
const RENAMED: Readonly<Record<string, string>> = {
  "tools/call tool": "name",
  input_responses: "inputResponses",
  request_state: "requestState",
};

const objectJson = fc
  .tuple(membersArb(["x", "traceparent", "y"]), spaces)
  .map(([members, space]) => objectText(members, space));

/** A body of a path: mostly a valid one. */
function facadeBody(method: string): fc.Arbitrary<Buffer> {
  const { target, others } = FACADE[method]!;
  const member = (name: string): fc.Arbitrary<{ key: string; value: string }> => {
    const value = name === target ? textJson : OBJECTS.includes(name) ? objectJson : valueJson;
    return fc.record({ key: writtenAs(name), value });
  };
  const valid = fc
    .tuple(fc.shuffledSubarray([...others]), fc.nat())
    .map(([names, at]) =>
      target === undefined ? names : names.toSpliced(at % (names.length + 1), 0, target),
    )
    .chain((names) => fc.tuple(...names.map(member)));
  // What belongs to another path or to none, of any kind.
  const stray = membersArb(["tool", "name", "uri", "arguments", "cursor", "request_state"]);
  return fc
    .tuple(valid, fc.oneof({ weight: 7, arbitrary: fc.constant([]) }, stray), spaces)
    .map(([members, strays, space]) => Buffer.from(objectText([...members, ...strays], space)));
}

describe("readFacade", () => {
  it("makes JSON-RPC of any body, value by value, or refuses it with a reason", () => {
    const posted = fc
      .constantFrom(...Object.keys(FACADE))
      .chain((method) =>
        fc.tuple(fc.constant(method), fc.oneof(facadeBody(method), mutated(facadeBody(method)))),
      );
    let taken = 0;
    fc.assert(
      fc.property(posted, ([method, bytes]) => {
        let made;
        try {
          made = readFacade(method, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
          expect(["REQUEST_INVALID", "REQUEST_MALFORMED"]).toContain((error as Failure).reason);
          return;
        }
        taken++;
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
    expect(taken).toBeGreaterThan(CASES.facade * TAKEN_MIN.facade);
  });
});
