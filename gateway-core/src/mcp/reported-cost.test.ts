import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { META_MAX_BYTES, ReportedCostScan, reportedCostOf } from "./reported-cost.ts";

/** An answer with a result that has the given JSON for its `_meta`. */
function answer(meta: string): string {
  return `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"a \\"b\\" {"}],"_meta":${meta}}}`;
}

const costOf = (json: string) => reportedCostOf(Buffer.from(json));
const reported = (usd: string) => costOf(answer(`{"io.gatewayops/cost":{"usd":${usd}}}`));

describe("reportedCostOf", () => {
  it.each([
    ['"0.0042"', 4_200n],
    ['"0"', 0n],
    ['"0.000001"', 1n],
    ['"12.5"', 12_500_000n],
    ['"1000"', 1_000_000_000n],
    // The same text in other bytes.
    ['"0.00\\u0034"', 4_000n],
  ])("takes %s dollars", (usd, micros) => {
    expect(reported(usd)).toBe(micros);
  });

  it.each([
    ["a number, which is a float to many", "0.0042"],
    ["less than nothing", '"-0.01"'],
    ["more than any price", '"1000.000001"'],
    ["a huge number", `"${"9".repeat(5_000)}"`],
    ["parts of a micro-dollar", '"0.0000001"'],
    ["an exponent", '"1e-3"'],
    ["white space", '" 1"'],
    ["a sign", '"+1"'],
    ["leading zeros", '"00.1"'],
    ["no digits", '"."'],
    ["null", "null"],
    ["an object", "{}"],
    ["a second one", '"0.1","usd":"0.2"'],
  ])("refuses %s", (_, usd) => {
    expect(reported(usd)).toBe("invalid");
  });

  it("refuses what is said twice, at any level, and in other bytes", () => {
    const cost = '"io.gatewayops/cost":{"usd":"0.1"}';
    expect(costOf(answer(`{${cost},${cost}}`))).toBe("invalid");
    expect(costOf(answer(`{${cost},${cost.replace("io", "\\u0069o")}}`))).toBe("invalid");
    expect(costOf(answer(`{${cost}},"_meta":{${cost}}`))).toBe("invalid");
    expect(costOf(answer(`{${cost}},"_m\\u0065ta":{}`))).toBe("invalid");
  });

  it("refuses a cost without usd, and takes one that says more", () => {
    expect(costOf(answer('{"io.gatewayops/cost":{"eur":"1"}}'))).toBe("invalid");
    expect(costOf(answer('{"io.gatewayops/cost":"1"}'))).toBe("invalid");
    expect(costOf(answer('{"io.gatewayops/cost":{"usd":"1","unit":"page"}}'))).toBe(1_000_000n);
  });

  it("finds nothing where nothing is said", () => {
    for (const meta of ["{}", "null", "[]", '"io.gatewayops/cost"', '{"cost":{"usd":"1"}}'])
      expect([meta, costOf(answer(meta))]).toEqual([meta, undefined]);
  });

  it("looks at the result's own _meta only", () => {
    const meta = '{"io.gatewayops/cost":{"usd":"1"}}';
    expect(costOf(`{"id":1,"_meta":${meta},"result":{}}`)).toBeUndefined();
    expect(costOf(`{"id":1,"error":{"_meta":${meta}}}`)).toBeUndefined();
    expect(costOf(`{"id":1,"result":{"content":[{"_meta":${meta}}]}}`)).toBeUndefined();
    expect(costOf(`{"id":1,"result":{"structuredContent":{"_meta":${meta}}}}`)).toBeUndefined();
    expect(costOf(`{"id":1,"result":[{"_meta":${meta}}]}`)).toBeUndefined();
    const text = JSON.stringify(`"_meta":${meta}`);
    expect(costOf(`{"id":1,"result":{"content":${text}}}`)).toBeUndefined();
  });

  it("refuses what is no JSON", () => {
    expect(costOf(answer('{"io.gatewayops/cost":{"usd":"1"}'.replace("{", "{,")))).toBe("invalid");
    expect(costOf('{"result":{"_meta":')).toBe("invalid");
  });

  it("keeps no more of a _meta than its bound, wherever in it the price stands", () => {
    const cost = '"io.gatewayops/cost":{"usd":"1"}';
    const fits = "x".repeat(META_MAX_BYTES - cost.length - 9);
    expect(costOf(answer(`{${cost},"a":"${fits}"}`))).toBe(1_000_000n);
    expect(costOf(answer(`{${cost},"a":"${fits}x"}`))).toBe("invalid");
    expect(costOf(answer(`{"a":"${fits}x",${cost}}`))).toBe("invalid");
  });

  it("finds it behind an answer of any size", () => {
    const json = answer('{"io.gatewayops/cost":{"usd":"0.1"}}').replace("a ", "[".repeat(300_000));
    expect(costOf(json)).toBe(100_000n);
  });

  it("reads the same however the bytes are cut", () => {
    const value = fc.oneof(fc.constantFrom("0.1", "1e3", "\\", '"', "ä"), fc.jsonValue());
    const meta = fc.oneof(
      fc.dictionary(
        fc.constantFrom("io.gatewayops/cost", "a", "_meta"),
        fc.oneof(value, fc.record({ usd: value })),
      ),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(
        meta,
        fc.jsonValue(),
        fc.array(fc.nat(), { maxLength: 6 }),
        (said, rest, cuts) => {
          const message = { id: 1, result: { rest, _meta: said, "\\": 1 }, extra: rest };
          const bytes = Buffer.from(JSON.stringify(message));
          const places = cuts.map((place) => place % bytes.length).sort((a, b) => a - b);
          const scan = new ReportedCostScan();
          scan.feed(Buffer.from('{"result":{"_meta":{'));
          scan.reset();
          [0, ...places].forEach((from, i) => {
            scan.feed(bytes.subarray(from, places[i]));
          });
          expect(scan.cost).toBe(reportedCostOf(bytes));
          expect(scan.cost).toBe(oracle(said));
        },
      ),
    );
  });
});

/** What a parser sees. */
function oracle(meta: unknown): bigint | "invalid" | undefined {
  if (typeof meta !== "object" || meta === null || Array.isArray(meta)) return undefined;
  if (!Object.hasOwn(meta, "io.gatewayops/cost")) return undefined;
  const cost = (meta as Record<string, unknown>)["io.gatewayops/cost"];
  const usd = (cost as { usd?: unknown } | null)?.usd;
  return usd === "0.1" ? 100_000n : "invalid";
}
