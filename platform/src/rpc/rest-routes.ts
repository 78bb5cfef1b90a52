import {
  getOption,
  hasOption,
  type DescField,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  type JsonObject,
  type JsonValue,
} from "@bufbuild/protobuf";
import { http } from "@gatewayops/proto/google/api/annotations_pb";
import { Failure, invalidRequest } from "../errors.ts";
import { restName } from "./rest-json.ts";

/** A REST path of a method, from its `google.api.http` annotation. */
export type RestRoute = {
  readonly httpMethod: string;
  /** Path as written, for example "/v1/traces/{trace_id}". */
  readonly path: string;
  /** A method that streams its answer sends one JSON object a line. */
  readonly method: DescMethodUnary | DescMethodServerStreaming;
  /** True when the request's fields are the body. */
  readonly hasBody: boolean;
};

/** A route that fits a request, with the values of its path. */
export type RestMatch = { readonly route: RestRoute; readonly params: ReadonlyMap<string, string> };

/** Every REST path of the services. */
export function restRoutes(services: readonly DescService[]): RestRoute[] {
  return services
    .flatMap((service) => service.methods)
    .filter((method) => hasOption(method, http))
    .map((method) => {
      const { pattern, body } = getOption(method, http);
      const isServed = method.methodKind === "unary" || method.methodKind === "server_streaming";
      if (pattern.case === undefined || pattern.case === "custom" || !isServed)
        throw new Error(
          `${method.parent.typeName}/${method.name}: unsupported google.api.http rule`,
        );
      if (body !== "" && body !== "*")
        throw new Error(`${method.parent.typeName}/${method.name}: body must be "*" or absent`);
      return {
        httpMethod: pattern.case.toUpperCase(),
        path: pattern.value,
        method: method as RestRoute["method"],
        hasBody: body === "*",
      };
    });
}

/** Finds the route of a request. For a path that fits under other methods only, those methods. */
export function createRestMatcher(
  routes: readonly RestRoute[],
): (httpMethod: string, path: string) => RestMatch | { readonly allow: string } | undefined {
  const compiled = routes.map((route) => ({ route, parts: route.path.split("/") }));
  // A literal segment beats a variable one: "/v1/traces/search" is no trace id.
  compiled.sort((a, b) => variables(a.parts) - variables(b.parts));
  return (httpMethod, path) => {
    const parts = path.split("/");
    const allow: string[] = [];
    for (const candidate of compiled) {
      const params = matchParts(candidate.parts, parts);
      if (!params) continue;
      if (candidate.route.httpMethod === httpMethod) return { route: candidate.route, params };
      allow.push(candidate.route.httpMethod);
    }
    return allow.length > 0 ? { allow: allow.join(", ") } : undefined;
  };
}

/**
 * The request of a method as JSON, from path, query and body.
 *
 * @throws Failure REQUEST_INVALID
 */
export function requestJson(match: RestMatch, query: URLSearchParams, body: JsonValue): JsonObject {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new Failure("REQUEST_INVALID", "The body must be a JSON object.");
  const json: JsonObject = { ...body };
  const fields = match.route.method.input.fields;
  for (const name of new Set(query.keys())) {
    const field = fields.find((candidate) => restName(candidate) === name);
    if (!field || match.route.hasBody)
      throw invalidRequest([
        { field: name, message: `is not a query parameter of this path; ${parametersOf(match)}` },
      ]);
    const values = query.getAll(name);
    json[name] = field.fieldKind === "list" ? values : queryValue(field, values.at(-1) ?? "");
  }
  for (const [name, value] of match.params) json[name] = value;
  return json;
}

function parametersOf({ route, params }: RestMatch): string {
  if (route.hasBody) return "its fields go into the body";
  const names = route.method.input.fields.map(restName).filter((name) => !params.has(name));
  return names.length === 0 ? "it takes none" : `it takes ${names.join(", ")}`;
}

function queryValue(field: DescField, text: string): JsonValue {
  const isBool = field.fieldKind === "scalar" && (field.scalar as number) === 8;
  if (isBool && (text === "true" || text === "false")) return text === "true";
  return text;
}

function matchParts(
  pattern: readonly string[],
  parts: readonly string[],
): Map<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params = new Map<string, string>();
  for (const [index, wanted] of pattern.entries()) {
    const given = parts[index] ?? "";
    if (!wanted.startsWith("{")) {
      if (wanted !== given) return undefined;
      continue;
    }
    if (given === "") return undefined;
    try {
      params.set(wanted.slice(1, -1), decodeURIComponent(given));
    } catch {
      return undefined; // a broken percent escape fits no route
    }
  }
  return params;
}

function variables(parts: readonly string[]): number {
  return parts.filter((part) => part.startsWith("{")).length;
}
