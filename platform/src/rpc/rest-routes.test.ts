import { describe, expect, it } from "@jest/globals";
import { PriceService } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { TraceService } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { Failure } from "../errors.ts";
import { createRestMatcher, requestJson, restRoutes, type RestMatch } from "./rest-routes.ts";

const match = createRestMatcher(restRoutes([TraceService, PriceService]));

function found(httpMethod: string, path: string): RestMatch {
  const result = match(httpMethod, path);
  if (result === undefined || "allow" in result) throw new Error(`no match: ${path}`);
  return result;
}

const nameOf = (httpMethod: string, path: string): string =>
  found(httpMethod, path).route.method.name;

describe("createRestMatcher", () => {
  it("finds methods by verb and path", () => {
    expect(nameOf("GET", "/v1/traces")).toBe("ListTraces");
    expect(nameOf("GET", "/v1/traces/abc")).toBe("GetTrace");
    expect(nameOf("GET", "/v1/traces/abc/spans")).toBe("ListSpans");
    expect(nameOf("POST", "/v1/traces/search")).toBe("SearchTraces");
    expect(nameOf("DELETE", "/v1/prices/7")).toBe("DeletePriceRule");
  });

  it("prefers what is written out to what is variable", () => {
    // GET of "search" is the trace of that name, since only POST searches.
    expect(nameOf("GET", "/v1/traces/search")).toBe("GetTrace");
    expect(found("GET", "/v1/traces/search").params.get("trace_id")).toBe("search");
  });

  it("decodes variables once", () => {
    expect(found("GET", "/v1/traces/a%2Fb%20c").params.get("trace_id")).toBe("a/b c");
    expect(found("GET", "/v1/traces/a%252Fb").params.get("trace_id")).toBe("a%2Fb");
  });

  it("tells a wrong verb from a wrong path", () => {
    expect(match("PUT", "/v1/traces")).toEqual({ allow: "GET" });
    expect(match("DELETE", "/v1/traces/abc")).toEqual({ allow: "GET" });
    for (const path of [
      "/v1/trace",
      "/v1/traces/",
      "/v1/traces/a/b/c",
      "/",
      "",
      "/v1/traces/%",
      "//",
    ])
      expect(match("GET", path)).toBeUndefined();
  });
});

describe("requestJson", () => {
  const request = (httpMethod: string, path: string, query = "", body: object = {}) =>
    requestJson(
      found(httpMethod, path),
      new URLSearchParams(query),
      body as Parameters<typeof requestJson>[2],
    );

  it("puts together path, query and body", () => {
    expect(request("GET", "/v1/traces/abc/spans")).toEqual({ trace_id: "abc" });
    expect(request("GET", "/v1/prices", "limit=5&cursor=x")).toEqual({ limit: "5", cursor: "x" });
    expect(request("POST", "/v1/prices", "", { server: "a" })).toEqual({ server: "a" });
  });

  it("lets the path win over the body", () => {
    const route = found("DELETE", "/v1/prices/7");
    expect(requestJson(route, new URLSearchParams(), { id: "8" })).toEqual({ id: "7" });
  });

  it("refuses query parameters that the path does not take, by name", () => {
    for (const work of [
      () => request("GET", "/v1/prices", "limt=5"),
      () => request("POST", "/v1/prices", "server=a"),
    ]) {
      expect(work).toThrow(Failure);
      expect(work).toThrow(/is not a query parameter/);
    }
    expect(() => request("GET", "/v1/prices", "limt=5")).toThrow(/it takes limit, cursor/);
    expect(() => request("POST", "/v1/prices", "server=a")).toThrow(/fields go into the body/);
  });

  it("refuses a body that is no object", () => {
    for (const body of [[], "x", 1, null])
      expect(() =>
        requestJson(found("POST", "/v1/prices"), new URLSearchParams(), body as never),
      ).toThrow(/must be a JSON object/);
  });
});

describe("restRoutes", () => {
  it("lists every annotated method once", () => {
    const routes = restRoutes([PriceService]);
    expect(routes.map(({ httpMethod, path, hasBody }) => [httpMethod, path, hasBody])).toEqual([
      ["POST", "/v1/prices", true],
      ["GET", "/v1/prices", false],
      ["DELETE", "/v1/prices/{id}", false],
      ["POST", "/v1/prices/simulate", true],
    ]);
  });
});
