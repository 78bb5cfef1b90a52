import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  changesArguments,
  transformHeaders,
  transformParams,
  type Transformation,
} from "./transformations.ts";

const rule = (changes: Partial<Transformation>): Transformation => ({
  target: "argument",
  action: "set",
  name: "/a",
  newName: "",
  value: "1",
  isForAll: true,
  isFor: () => true,
  ...changes,
});

const params = (text: string, ...rules: Partial<Transformation>[]) =>
  transformParams(Buffer.from(text), "tool", rules.map(rule)).toString();

describe("transformParams", () => {
  it.each<[string, Partial<Transformation>, string, string]>([
    [
      "sets what is there",
      {},
      '{"arguments":{ "a" : 0 ,"b":1.0}}',
      '{"arguments":{ "a" : 1 ,"b":1.0}}',
    ],
    ["sets what is not there", {}, '{"arguments":{"b":2}}', '{"arguments":{"b":2,"a":1}}'],
    ["makes arguments", {}, '{"name":"x"}', '{"name":"x","arguments":{"a":1}}'],
    [
      "makes objects on the way",
      { name: "/o/p/q" },
      '{"arguments":{"o":{}}}',
      '{"arguments":{"o":{"p":{"q":1}}}}',
    ],
    [
      "changes nothing beyond what is no object",
      { name: "/o/p" },
      '{"arguments":{"o":[1]}}',
      '{"arguments":{"o":[1]}}',
    ],
    [
      "changes nothing in arguments that are no object",
      {},
      '{"arguments":[1]}',
      '{"arguments":[1]}',
    ],
    [
      "defaults what is not there",
      { action: "default" },
      '{"arguments":{}}',
      '{"arguments":{"a":1}}',
    ],
    [
      "leaves what is there, null too",
      { action: "default" },
      '{"arguments":{"a":null}}',
      '{"arguments":{"a":null}}',
    ],
    [
      "defaults deep inside",
      { action: "default", name: "/o/p" },
      '{"arguments":{"o":{"p":0}}}',
      '{"arguments":{"o":{"p":0}}}',
    ],
    ["removes", { action: "remove" }, '{"arguments":{"a":1,"b":2}}', '{"arguments":{"b":2}}'],
    [
      "removes what stands twice",
      { action: "remove" },
      '{"arguments":{"a":1,"b":2,"a":3}}',
      '{"arguments":{"b":2}}',
    ],
    [
      "removes nothing that is not there",
      { action: "remove" },
      '{"arguments":{"b":2}}',
      '{"arguments":{"b":2}}',
    ],
    [
      "renames, and keeps the value's bytes",
      { action: "rename", newName: "z" },
      '{"arguments":{"a":12345678901234567890.10,"b":2}}',
      '{"arguments":{"b":2,"z":12345678901234567890.10}}',
    ],
    [
      "renames in place of what has the name",
      { action: "rename", newName: "b" },
      '{"arguments":{"a":1,"b":2}}',
      '{"arguments":{"b":1}}',
    ],
    [
      "renames nothing that is not there",
      { action: "rename", newName: "b" },
      '{"arguments":{"b":2}}',
      '{"arguments":{"b":2}}',
    ],
    [
      "reads escapes of pointers",
      { name: "/a~1b~0c" },
      '{"arguments":{"a/b~c":0}}',
      '{"arguments":{"a/b~c":1}}',
    ],
    [
      "reads escapes of names",
      { name: "/ä" },
      '{"arguments":{"\\u00e4":0}}',
      '{"arguments":{"\\u00e4":1}}',
    ],
    [
      "touches no other members",
      {},
      '{"a":0,"arguments":{"a":0},"_meta":{"a":0}}',
      '{"a":0,"arguments":{"a":1},"_meta":{"a":0}}',
    ],
  ])("%s", (_, change, before, after) => {
    expect(params(before, change)).toBe(after);
  });

  it("makes changes in their order", () => {
    expect(
      params('{"arguments":{"a":5}}', { action: "rename", newName: "b" }, { action: "default" }),
    ).toBe('{"arguments":{"b":5,"a":1}}');
  });

  it("is for the tools it names", () => {
    const only = rule({ isForAll: false, isFor: (tool) => tool === "read" });
    const bytes = Buffer.from('{"arguments":{}}');
    expect(transformParams(bytes, "write", [only])).toBe(bytes);
    expect(transformParams(bytes, "read", [only]).toString()).toBe('{"arguments":{"a":1}}');
    expect(changesArguments("write", [only])).toBe(false);
    expect(changesArguments("read", [only])).toBe(true);
    expect(changesArguments("read", [rule({ target: "header" })])).toBe(false);
  });

  it("says what a parser would see after the change of the parsed arguments", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue()),
        fc.constantFrom("a", "b", "z"),
        fc.jsonValue(),
        (args, name, value) => {
          const before = JSON.stringify({ name: "t", arguments: args });
          const run = (change: Partial<Transformation>) =>
            (JSON.parse(params(before, { name: `/${name}`, ...change })) as { arguments: object })
              .arguments;
          const json = JSON.stringify(value);
          const parsed: unknown = JSON.parse(json);
          const known = JSON.parse(JSON.stringify(args)) as Record<string, unknown>;
          expect(run({ action: "set", value: json })).toEqual({ ...known, [name]: parsed });
          expect(run({ action: "default", value: json })).toEqual({ [name]: parsed, ...known });
          const { [name]: removed, ...rest } = known;
          expect(run({ action: "remove" })).toEqual(rest);
          expect(run({ action: "rename", newName: "new" })).toEqual(
            name in known ? { ...rest, new: removed } : known,
          );
        },
      ),
    );
  });
});

describe("transformHeaders", () => {
  const headers = ["x-a", "1", "accept", "x-a", "x-b", "2"];
  const change = (...rules: Partial<Transformation>[]) =>
    transformHeaders(
      headers,
      "tool",
      rules.map((one) => rule({ target: "header", name: "x-a", value: "v", ...one })),
    );

  it("sets, defaults, removes and renames, and never takes a value for a name", () => {
    expect(change({})).toEqual(["accept", "x-a", "x-b", "2", "x-a", "v"]);
    expect(change({ action: "default" })).toEqual(headers);
    expect(change({ action: "default", name: "x-c" })).toEqual([...headers, "x-c", "v"]);
    expect(change({ action: "remove" })).toEqual(["accept", "x-a", "x-b", "2"]);
    expect(change({ action: "rename", newName: "x-b" })).toEqual(["accept", "x-a", "x-b", "1"]);
    expect(change({ action: "rename", name: "x-c", newName: "x-b" })).toEqual(headers);
  });

  it("applies to requests that call no tool only what is for all", () => {
    const some = rule({ target: "header", name: "x-c", isForAll: false });
    expect(transformHeaders([], undefined, [some])).toEqual([]);
    expect(transformHeaders([], undefined, [{ ...some, isForAll: true }])).toEqual(["x-c", "1"]);
    expect(transformHeaders([], "tool", [some])).toEqual(["x-c", "1"]);
  });
});
