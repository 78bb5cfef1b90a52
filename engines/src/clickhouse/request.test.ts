import { describe, expect, it } from "@jest/globals";

import { parseRequest } from "./request.ts";

const parse = (search: string) => parseRequest(new URL(`http://127.0.0.1/?${search}`), {});

describe("parseRequest", () => {
  it("tells settings, parameters and the HTTP layer's own names apart", () => {
    const request = parse(
      "query=SELECT+1&query_id=q&database=d&default_format=CSV&max_threads=2&param_a=x%27y" +
        "&wait_end_of_query=1&user=u&password=p&send_progress_in_http_headers=1",
    );
    expect(request).toEqual({
      query: "SELECT 1",
      database: "d",
      defaultFormat: "CSV",
      waitEndOfQuery: true,
      settings: [["max_threads", "2"]],
      parameters: [["a", "x'y"]],
    });
  });

  it("refuses sessions with ClickHouse's code for what is not implemented", () => {
    expect(() => parse("session_id=s")).toThrow(/^Code: 48\..*session_id.*NOT_IMPLEMENTED/);
  });

  it("refuses names that are none, so that nothing is smuggled into a SET", () => {
    expect(() => parse("a%3D1%2Cb=2")).toThrow(/^Code: 115\./);
    expect(() => parse("param_x%20y=2")).toThrow(/^Code: 115\./);
  });
});
