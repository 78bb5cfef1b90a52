import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { jsonTextOf } from "../mcp/json-members.ts";
import { splice } from "../mcp/json-splice.ts";
import { editsOfList, isListMethod, type ListMethod } from "./visible-lists.ts";

const seen = (text: string, visible: string[], method: ListMethod = "tools/list") =>
  splice(
    Buffer.from(text),
    editsOfList(jsonTextOf(Buffer.from(text)), 0, method, (name) => visible.includes(name)),
  ).toString();

describe("what may be seen of a list", () => {
  const list =
    '{ "tools" : [ {"name":"a","n":1.0} ,{"name":"b"}, {"name":"c"} ], "nextCursor":"x" }';

  it.each<[string[], string]>([
    [["a", "b", "c"], list],
    [["b", "c"], '{ "tools" : [ {"name":"b"}, {"name":"c"} ], "nextCursor":"x" }'],
    [["a", "c"], '{ "tools" : [ {"name":"a","n":1.0} ,{"name":"c"} ], "nextCursor":"x" }'],
    [["a", "b"], '{ "tools" : [ {"name":"a","n":1.0} ,{"name":"b"} ], "nextCursor":"x" }'],
    [["a"], '{ "tools" : [ {"name":"a","n":1.0} ], "nextCursor":"x" }'],
    [["b"], '{ "tools" : [ {"name":"b"} ], "nextCursor":"x" }'],
    [["c"], '{ "tools" : [ {"name":"c"} ], "nextCursor":"x" }'],
    [[], '{ "tools" : [  ], "nextCursor":"x" }'],
  ])("of a, b and c shows %j", (visible, expected) => {
    expect(seen(list, visible)).toBe(expected);
  });

  it.each<[ListMethod, string, string]>([
    ["prompts/list", '{"prompts":[{"name":"a"},{"name":"x"}]}', '{"prompts":[{"name":"a"}]}'],
    [
      "resources/list",
      '{"resources":[{"name":"a","uri":"x"},{"uri":"a"}]}',
      '{"resources":[{"uri":"a"}]}',
    ],
    [
      "resources/templates/list",
      '{"resourceTemplates":[{"uriTemplate":"a"},{"uriTemplate":"x"}]}',
      '{"resourceTemplates":[{"uriTemplate":"a"}]}',
    ],
  ])("names entries of %s by what calls name them by", (method, text, expected) => {
    expect(seen(text, ["a"], method)).toBe(expected);
  });

  it("shows nothing that it cannot tell the name of", () => {
    expect(seen('{"tools":[{},1,"a",{"name":1},{"name":"a"},null]}', ["a"])).toBe(
      '{"tools":[{"name":"a"}]}',
    );
    expect(seen('{"tools":[{"name":"a","name":"x"}]}', ["a"])).toBe('{"tools":[]}');
    expect(seen('{"tools":[{"name":"x"}],"tools":[{"name":"x"}]}', [])).toBe(
      '{"tools":[],"tools":[]}',
    );
    expect(seen('{"\\u0074ools":[{"n\\u0061me":"x"}]}', [])).toBe('{"\\u0074ools":[]}');
  });

  it("leaves alone what is no list", () => {
    for (const text of ["{}", '{"tools":null}', '{"prompts":[{"name":"x"}]}'])
      expect(seen(text, [])).toBe(text);
    expect(isListMethod("tools/list")).toBe(true);
    expect(isListMethod("tools/call")).toBe(false);
  });

  it("cuts a list inside of a message", () => {
    const message = Buffer.from('{"id":1,"result":{"tools":[{"name":"x"}]}}');
    const offset = message.indexOf('{"tools"');
    const edits = editsOfList(jsonTextOf(message), offset, "tools/list", () => false);
    expect(splice(message, edits).toString()).toBe('{"id":1,"result":{"tools":[]}}');
  });

  it("says what filtering the parsed list says", () => {
    const entry = fc.record({ name: fc.constantFrom("a", "b", "ü", '"'), x: fc.jsonValue() });
    fc.assert(
      fc.property(
        fc.array(entry),
        fc.subarray(["a", "b", "ü", '"']),
        fc.nat(2),
        (tools, visible, indent) => {
          const text = JSON.stringify({ tools, nextCursor: "n" }, null, indent);
          const expected = JSON.parse(text) as { tools: { name: string }[] };
          expected.tools = expected.tools.filter(({ name }) => visible.includes(name));
          expect(JSON.parse(seen(text, visible))).toEqual(expected);
        },
      ),
    );
  });
});
