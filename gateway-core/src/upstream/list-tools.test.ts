import { createHash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { toolsOf } from "./list-tools.ts";

describe("toolsOf", () => {
  it("cuts definitions out of a list as they are, and hashes their canonical form", () => {
    const definition = '{ "name":"a", "inputSchema" : {"type":"object"} }';
    const canonical = '{"inputSchema":{"type":"object"},"name":"a"}';
    const [tool] = toolsOf(Buffer.from(`{"nextCursor":"x","tools":[${definition}]}`));
    expect(tool?.name).toBe("a");
    expect(tool?.definition.toString()).toBe(definition);
    expect(tool?.hash).toBe(createHash("sha256").update(canonical).digest("hex"));
    expect(tool?.inputSchema?.toString()).toBe('{"type":"object"}');
  });

  it("leaves out what has no name", () => {
    const list = '{"tools":[1,null,{},{"name":""},{"name":2},{"name":"a"}]}';
    const tools = toolsOf(Buffer.from(list));
    expect(tools.map(({ name }) => name)).toEqual(["a"]);
    expect(tools[0]?.inputSchema).toBeUndefined();
  });

  it("finds none where there is no list", () => {
    for (const text of ["{}", '{"tools":null}', '{"tools":{"name":"a"}}'])
      expect(toolsOf(Buffer.from(text))).toEqual([]);
  });
});
