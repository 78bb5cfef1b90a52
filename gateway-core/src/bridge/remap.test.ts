import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { textAt } from "../mcp/json-members.ts";
import { ASKED_PROGRESS_TOKEN, ID, canonical, withValues } from "./remap.ts";

const values = (message: string, ...edits: Parameters<typeof withValues>[1]): string =>
  withValues(Buffer.from(message), edits).toString("utf8");

describe("withValues", () => {
  it("replaces values at their paths and leaves every other byte", () => {
    expect(
      values(
        '{ "jsonrpc":"2.0", "id" : "é" ,"params":{"_meta":{ "progressToken":1e2,"x":[1, 2]},"n":1.50}}',
        [ID, "17"],
        [ASKED_PROGRESS_TOKEN, '"ü"'],
      ),
    ).toBe(
      '{ "jsonrpc":"2.0", "id" : 17 ,"params":{"_meta":{ "progressToken":"ü","x":[1, 2]},"n":1.50}}',
    );
  });

  it("passes over paths that lead nowhere, or through what is no object", () => {
    for (const message of [
      '{"method":"x"}',
      '{"params":null}',
      '{"params":{"_meta":[]}}',
      '{"params":{"_meta":{"progresstoken":1}}}',
      '{"params":{"arguments":{"id":1,"_meta":{"progressToken":1}}}}',
    ])
      expect(values(message, [ID, "9"], [ASKED_PROGRESS_TOKEN, "9"])).toBe(message);
  });

  it("takes the last of members with one name, as parsers do, behind escapes too", () => {
    expect(values('{"id":1,"i\\u0064":2}', [ID, "9"])).toBe('{"id":1,"i\\u0064":9}');
  });

  it("gives back the bytes when the value is put back", () => {
    const id = fc.oneof(fc.string(), fc.integer()).map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(id, fc.jsonValue(), fc.nat(), (idText, params, number) => {
        const message = `{"id": ${idText},"params":${JSON.stringify(params)} }`;
        const sent = withValues(Buffer.from(message), [[ID, String(number)]]);
        expect((JSON.parse(sent.toString("utf8")) as { id: unknown }).id).toBe(number);
        expect(withValues(sent, [[ID, idText]]).equals(Buffer.from(message))).toBe(true);
      }),
    );
  });
});

describe("textAt", () => {
  it("is the value as it stands in the bytes", () => {
    const message = Buffer.from('{"id":1.0,"params":{"_meta":{"progressToken":"\\u00e9"}}}');
    expect(textAt(message, ID)).toBe("1.0");
    expect(textAt(message, ASKED_PROGRESS_TOKEN)).toBe('"\\u00e9"');
    expect(textAt(message, ["result"])).toBeUndefined();
  });
});

describe("canonical", () => {
  it("is the same for one value, and another for a number and its text", () => {
    expect(canonical("1.0")).toBe(canonical("1"));
    expect(canonical('"\\u0061"')).toBe(canonical('"a"'));
    expect(canonical('"1"')).not.toBe(canonical("1"));
  });
});
