import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  createFileRegistry,
  fromBinary,
  getOption,
  type DescField,
  type DescService,
  type FileRegistry,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { access, type AccessRule } from "@gatewayops/proto/gatewayops/common/v1/options_pb";
import { JSON_LINES_TYPE } from "@gatewayops/platform/rpc/rest";
import { restRoutes, type RestRoute } from "@gatewayops/platform/rpc/rest-routes";
import { format } from "prettier";
import { commentOf } from "./openapi/comments.ts";
import { ERROR_SCHEMAS, HEADERS, RESPONSES, SECURITY_SCHEMES } from "./openapi/components.ts";
import { GATEWAY_PATHS, GATEWAY_SCHEMAS, GATEWAY_TAGS } from "./openapi/gateway-paths.ts";
import { createSchemaBook, type JsonObject, type SchemaBook } from "./openapi/schemas.ts";

// docs/openapi.json: the REST face. Paths of services come from the descriptors that also serve them, so they cannot
// disagree; the gateway's own paths are written by hand in openapi/gateway-paths.ts.

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OUTPUT = "docs/openapi.json";

/** Services in the order of the document, with their tags: all that have REST paths. */
const TAGS: Readonly<Record<string, string>> = {
  "gatewayops.trace.v1.TraceService": "Traces",
  "gatewayops.cost.v1.CostService": "Costs",
  "gatewayops.cost.v1.PriceService": "Prices",
  "gatewayops.cost.v1.BudgetService": "Budgets",
  "gatewayops.auth.v1.McpServerService": "Servers",
  "gatewayops.auth.v1.ApiKeyService": "API keys",
  "gatewayops.auth.v1.OrganizationService": "Organisation",
  "gatewayops.auth.v1.SessionService": "Sessions",
};

/** The text of docs/openapi.json. The same for the same contract. */
export async function openapiText(): Promise<string> {
  return format(JSON.stringify(openapiDocument(describeContract())), {
    parser: "json",
    printWidth: 100,
  });
}

/** The contract's descriptors with their comments, which generated code does not carry. */
function describeContract(): FileRegistry {
  // A checkout has it only once something was generated.
  if (!existsSync(join(ROOT, "proto/third_party")))
    execFileSync(process.execPath, ["tools/third-party-protos.mjs"], { cwd: ROOT });
  const set = execFileSync(
    fileURLToPath(new URL("../node_modules/.bin/buf", import.meta.url)),
    ["build", "-o", "-#format=binpb", "--as-file-descriptor-set"],
    { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 },
  );
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, set));
}

function openapiDocument(contract: FileRegistry): JsonObject {
  const services = outsideServices(contract);
  const routes = restRoutes(services);
  const book = createSchemaBook(routes);
  const paths: Record<string, JsonObject> = { ...GATEWAY_PATHS };
  for (const route of routes) {
    const path = (paths[route.path] ??= {});
    path[route.httpMethod.toLowerCase()] = operationOf(route, book);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "GatewayOps API",
      version: "1.0.0",
      description:
        "The REST face of GatewayOps: call MCP tools through the gateway, see what was called and what it cost, and " +
        "manage keys, servers and prices. Field names are those of the contract in proto/, money is an exact decimal " +
        "number of US dollars, times are RFC 3339 in UTC. Every answer carries X-Request-ID. docs/errors.md lists the " +
        "reasons of errors.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "http://127.0.0.1:8080", description: "The embedded stack" }],
    security: [{ apiKey: [] }, { session: [] }],
    tags: [
      ...GATEWAY_TAGS,
      ...services.map((service) => ({
        name: tagOf(service),
        description: commentOf(service),
      })),
    ],
    paths,
    components: {
      securitySchemes: SECURITY_SCHEMES,
      headers: HEADERS,
      responses: RESPONSES,
      schemas: { ...ERROR_SCHEMAS, ...GATEWAY_SCHEMAS, ...book.schemas() },
    },
  };
}

function outsideServices(contract: FileRegistry): DescService[] {
  const services = [...contract].filter(
    (type): type is DescService =>
      type.kind === "service" && type.methods.some((method) => hasRest(ruleOf(method))),
  );
  for (const { typeName } of services)
    if (!Object.hasOwn(TAGS, typeName))
      throw new Error(`Give ${typeName} a tag in tools/generate-openapi.ts.`);
  const order = Object.keys(TAGS);
  return services.sort((a, b) => order.indexOf(a.typeName) - order.indexOf(b.typeName));
}

/** Internal methods are not served to the outside, and the REST paths of the gateway's own are written by hand. */
function hasRest({ case: rule }: AccessRule["rule"]): boolean {
  return rule !== undefined && rule !== "internal" && rule !== "scoped";
}

function tagOf(service: DescService): string {
  return TAGS[service.typeName] ?? "";
}

function ruleOf(method: RestRoute["method"] | DescService["methods"][number]): AccessRule["rule"] {
  return getOption(method, access).rule;
}

function operationOf(route: RestRoute, book: SchemaBook): JsonObject {
  const { method, path } = route;
  const inPath = new Set([...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]));
  const parameters = method.input.fields
    .filter((field) => inPath.has(field.name) || !route.hasBody)
    .map((field) => parameterOf(field, inPath.has(field.name), book));
  const description = commentOf(method);
  return {
    tags: [tagOf(method.parent)],
    operationId: method.name,
    summary: (/^[^.]*\./.exec(description)?.[0] ?? description).replace(/\.$/, ""),
    description,
    ...accessOf(ruleOf(method)),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.hasBody ? { requestBody: bodyOf(book.requestSchema(route, inPath)) } : {}),
    responses: {
      200: {
        description: commentOf(method.output),
        headers: { "X-Request-ID": { $ref: "#/components/headers/X-Request-ID" } },
        content: { [mediaTypeOf(method)]: { schema: book.reference(method.output) } },
      },
      400: { $ref: "#/components/responses/BadRequest" },
      ...(ruleOf(method).case === "public"
        ? { 401: { $ref: "#/components/responses/Unauthorized" } }
        : {
            401: { $ref: "#/components/responses/Unauthorized" },
            403: { $ref: "#/components/responses/Forbidden" },
          }),
      ...(inPath.size > 0 ? { 404: { $ref: "#/components/responses/NotFound" } } : {}),
      default: { $ref: "#/components/responses/Error" },
    },
  };
}

/** A stream sends one object of the schema a line. */
function mediaTypeOf(method: RestRoute["method"]): string {
  return method.methodKind === "server_streaming" ? JSON_LINES_TYPE : "application/json";
}

/** What the rule demands: `x-gatewayops-permission` names the permission, `x-gatewayops-access` says who else may. */
function accessOf(rule: AccessRule["rule"]): JsonObject {
  if (rule.case === "permission") return { "x-gatewayops-permission": rule.value };
  if (rule.case === "public") return { "x-gatewayops-access": "public", security: [] };
  return { "x-gatewayops-access": rule.case ?? "" };
}

function parameterOf(field: DescField, isInPath: boolean, book: SchemaBook): JsonObject {
  const { description, ...schema } = book.fieldSchema(field, "request");
  return {
    name: book.fieldName(field),
    in: isInPath ? "path" : "query",
    ...(isInPath || book.isRequired(field) ? { required: true } : {}),
    description: description ?? "",
    schema,
  };
}

function bodyOf(schema: JsonObject): JsonObject {
  return { required: true, content: { "application/json": { schema } } };
}

if (import.meta.main) writeFileSync(new URL(`../${OUTPUT}`, import.meta.url), await openapiText());
