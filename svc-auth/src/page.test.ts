import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Failure } from "@gatewayops/platform/errors";
import { pageOf, pageRequestFrom } from "./page.ts";

describe("pageRequestFrom", () => {
  it("reads the cursor of the page before, for any sort key", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.uuid(), (name, id) => {
        fc.pre(!name.includes("\0"));
        const { cursor } = pageOf([0, 1], 1, () => [name, id]);
        expect(pageRequestFrom({ limit: 1, cursor }, ["text", "uuid"]).after).toEqual([name, id]);
      }),
    );
  });

  it("refuses every other cursor and never fails otherwise", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json().map(encoded)), (cursor) => {
        fc.pre(cursor !== "");
        try {
          expect(pageRequestFrom({ limit: 0, cursor }, ["uuid", "text"]).after).toHaveLength(2);
        } catch (error) {
          expect((error as Failure).reason).toBe("REQUEST_INVALID");
        }
      }),
    );
    for (const key of [["x"], ["x", "y", "z"], [1, "x"], ["a\0", "b"], {}, null, "x"])
      expect(() =>
        pageRequestFrom({ limit: 0, cursor: encoded(JSON.stringify(key)) }, ["text", "text"]),
      ).toThrow(Failure);
  });

  it("takes 50 for none and 200 at most", () => {
    const limitOf = (limit: number) => pageRequestFrom({ limit, cursor: "" }, []).limit;
    expect([0, 1, 200, 5_000].map(limitOf)).toEqual([50, 1, 200, 200]);
  });
});

describe("pageOf", () => {
  it("has a cursor only when there is more", () => {
    expect(pageOf([1, 2], 2, String as never)).toEqual({ items: [1, 2], cursor: "" });
    expect(pageOf([], 2, () => [])).toEqual({ items: [], cursor: "" });
    expect(pageOf([1, 2, 3], 2, (row) => [String(row)]).cursor).toBe(encoded('["2"]'));
  });
});

function encoded(text: string): string {
  return Buffer.from(text).toString("base64url");
}
