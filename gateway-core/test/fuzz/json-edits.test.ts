import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { changedRequest, modernAnswer } from "../../src/mcp/envelope.ts";
import { jsonTextOf, membersOf } from "../../src/mcp/json-members.ts";
import { editsOfObject, splice } from "../../src/mcp/json-splice.ts";
import { CASES } from "./cases.ts";
import {
  membersArb,
  mutated,
  objectText,
  parsed,
  spaces,
  valueJson,
  type WrittenMember,
} from "./json-text.ts";

const NAMES = ["a", "id", "params", "_meta", "result"];
const object = fc
  .tuple(membersArb(NAMES), spaces)
  .map(([members, space]) => ({ members, space, text: objectText(members, space) }));

describe("membersOf", () => {
  it("lists names and values as they were written", () => {
    fc.assert(
      fc.property(object, fc.constantFrom("", " ", "\n"), ({ members, text }, before) => {
        const bytes = Buffer.from(before + text);
        const found = membersOf(jsonTextOf(bytes)).map(({ key, start, end }) => [
          key,
          bytes.toString("utf8", start, end),
        ]);
        expect(found).toEqual(members.map(({ name, value }) => [name, value]));
      }),
      { numRuns: CASES.members / 2 },
    );
  });

  it("agrees with JSON.parse on any object that is valid, however it was made", () => {
    fc.assert(
      fc.property(mutated(object.map(({ text }) => Buffer.from(text))), (bytes) => {
        const value = parsed(bytes);
        if (typeof value !== "object" || value === null || Array.isArray(value)) return;
        const last = new Map(
          membersOf(jsonTextOf(bytes)).map(({ key, start, end }) => [
            key,
            JSON.parse(bytes.toString("utf8", start, end)) as unknown,
          ]),
        );
        expect(Object.fromEntries(last)).toEqual(value);
      }),
      { numRuns: CASES.members / 2 },
    );
  });
});

const changeArb = fc.record({
  set: fc
    .dictionary(fc.constantFrom(...NAMES, "new"), valueJson, { maxKeys: 3 })
    .map((members) => new Map(Object.entries(members))),
  remove: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 2 }),
});

describe("editsOfObject", () => {
  it("sets and removes what an object-level edit would, and leaves all other bytes", () => {
    fc.assert(
      fc.property(object, changeArb, ({ members, space, text }, { set, remove }) => {
        const bytes = Buffer.from(text);
        const change = { set: set, remove: new Set(remove) };
        const edited = splice(bytes, editsOfObject(jsonTextOf(bytes), 0, change)).toString("utf8");
        const kept = members.filter(({ name }) => !remove.includes(name));
        expect(parsed(Buffer.from(edited))).toEqual(
          valueOf([
            ...kept.map((one) => ({ ...one, value: set.get(one.name) ?? one.value })),
            ...added(set, kept),
          ]),
        );
        expectInOrder(
          edited,
          kept.map(({ name, key, value }) => `${key}${space}:${space}${set.get(name) ?? value}`),
        );
        if (remove.length === 0 && added(set, kept).length === 0)
          expect(edited).toBe(
            objectText(
              members.map((one) => ({ ...one, value: set.get(one.name) ?? one.value })),
              space,
            ),
          );
      }),
      { numRuns: CASES.splice / 3 },
    );
  });
});

describe("changedRequest", () => {
  it("changes the members of params and _meta that it is told to, and no other byte of a value", () => {
    const metaArb = membersArb(["progressToken", "io.modelcontextprotocol/logLevel", "x"]);
    const paramsArb = membersArb(["name", "arguments", "requestState", "x"]).map((members) =>
      members.filter(({ name }) => name !== "_meta"),
    );
    fc.assert(
      fc.property(
        paramsArb,
        fc.option(metaArb, { nil: undefined }),
        spaces,
        changeArb,
        (params, meta, space, { set }) => {
          const metaMember = meta && {
            name: "_meta",
            key: '"_meta"',
            value: objectText(meta, space),
          };
          const text = objectText(
            [
              { key: '"jsonrpc"', value: '"2.0"' },
              { key: '"id"', value: "7" },
              {
                key: '"params"',
                value: objectText([...params, ...(metaMember ? [metaMember] : [])], space),
              },
            ],
            space,
          );
          const changed = changedRequest(Buffer.from(text), {
            id: '"new"',
            removeParams: new Set(["requestState"]),
            setMeta: set,
            removeMeta: new Set(["io.modelcontextprotocol/logLevel"]),
          }).toString("utf8");
          const keptParams = params.filter(({ name }) => name !== "requestState");
          const keptMeta = (meta ?? []).filter(
            ({ name }) => name !== "io.modelcontextprotocol/logLevel",
          );
          const expectedMeta = valueOf([
            ...keptMeta.map((one) => ({ ...one, value: set.get(one.name) ?? one.value })),
            ...added(set, keptMeta),
          ]);
          const hasMeta = meta !== undefined || set.size > 0;
          expect(parsed(Buffer.from(changed))).toEqual({
            jsonrpc: "2.0",
            id: "new",
            params: { ...valueOf(keptParams), ...(hasMeta ? { _meta: expectedMeta } : {}) },
          });
          expectInOrder(
            changed,
            keptParams.map(({ key, value }) => `${key}${space}:${space}${value}`),
          );
        },
      ),
      { numRuns: CASES.splice / 3 },
    );
  });
});

describe("modernAnswer", () => {
  it("adds what the modern era wants and the server did not say, and keeps what it said", () => {
    const resultArb = membersArb(["resultType", "ttlMs", "cacheScope", "tools", "x"]).map(
      (members) => members.filter(({ name }) => name !== "_meta"),
    );
    fc.assert(
      fc.property(
        resultArb,
        spaces,
        fc.constantFrom("tools/list", "tools/call"),
        (result, space, method) => {
          const text = objectText(
            [
              { key: '"jsonrpc"', value: '"2.0"' },
              { key: '"id"', value: '"gwo-1"' },
              { key: '"result"', value: objectText(result, space) },
            ],
            space,
          );
          const answer = modernAnswer(Buffer.from(text), {
            idText: "3",
            method,
            serverInfo: '{"name":"s"}',
          });
          const cached = method === "tools/list" ? { ttlMs: 0, cacheScope: "private" } : {};
          expect(parsed(answer)).toEqual({
            jsonrpc: "2.0",
            id: 3,
            result: {
              ...{ resultType: "complete", ...cached },
              ...valueOf(result),
              _meta: { "io.modelcontextprotocol/serverInfo": { name: "s" } },
            },
          });
          expectInOrder(
            answer.toString("utf8"),
            result.map(({ key, value }) => `${key}${space}:${space}${value}`),
          );
        },
      ),
      { numRuns: CASES.splice / 3 },
    );
  });
});

/** The members of a change that are not there yet. */
function added(set: ReadonlyMap<string, string>, kept: readonly WrittenMember[]): WrittenMember[] {
  return [...set]
    .filter(([name]) => !kept.some((one) => one.name === name))
    .map(([name, value]) => ({ name, key: JSON.stringify(name), value }));
}

function valueOf(members: readonly WrittenMember[]): Record<string, unknown> {
  return JSON.parse(objectText(members, "")) as Record<string, unknown>;
}

/** Every piece stands in the text, one after the other. */
function expectInOrder(text: string, pieces: readonly string[]): void {
  let at = 0;
  for (const piece of pieces) {
    const found = text.indexOf(piece, at);
    expect(found).toBeGreaterThanOrEqual(at);
    at = found + piece.length;
  }
}
