import { create, getOption, hasOption, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { describe, expect, it } from "@jest/globals";
import {
  ApiKeyService,
  CreateApiKeyRequestSchema,
} from "@gatewayops/proto/gatewayops/auth/v1/api_key_service_pb";
import {
  CreateUserRequestSchema,
  OrganizationService,
} from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import {
  CreateMcpServerRequestSchema,
  McpServerService,
} from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";
import { SessionService } from "@gatewayops/proto/gatewayops/auth/v1/session_service_pb";
import { must_be } from "@gatewayops/proto/gatewayops/common/v1/options_pb";
import { CostService } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";
import {
  CreatePriceRuleRequestSchema,
  PriceService,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import {
  ListTracesRequestSchema,
  TraceService,
} from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { problemOf, type Face } from "./field-problems.ts";

const validator = createValidator();

/** Words on each field of an otherwise empty request. */
function problems<D extends DescMessage>(
  schema: D,
  init: Parameters<typeof create<D>>[1],
  face: Face = "rest",
): Record<string, string> {
  const result = validator.validate(schema, create(schema, init));
  if (result.kind !== "invalid") throw new Error(result.kind);
  return Object.fromEntries(
    result.violations
      .map((violation) => problemOf(violation, face))
      .map(({ field, message }) => [field, message]),
  );
}

describe("problemOf", () => {
  it("speaks to REST callers of the fields and units they send", () => {
    const rule = { server: "Not A Name", tool: "", perCallUsdMicros: 5_000_000_000n };
    expect(problems(CreatePriceRuleRequestSchema, rule)).toEqual({
      server: 'must be the name of an MCP server, or "*" for any',
      tool: "must have 1 to 128 characters",
      per_call: "must be an amount in US dollars from 0 to 1000",
    });
  });

  it("keeps the names and units of the .proto for others", () => {
    const rule = { server: "*", tool: "*", perCallUsdMicros: -1n };
    expect(problems(CreatePriceRuleRequestSchema, rule, "proto")).toEqual({
      per_call_usd_micros: "must be a whole number from 0 to 1000000000",
    });
  });

  it("says what is missing, too long, or of another form", () => {
    expect(problems(ListTracesRequestSchema, { limit: 201 })).toEqual({
      start_time: "is required",
      end_time: "is required",
      limit: "must be a whole number from 0 to 200",
    });
    expect(problems(CreateApiKeyRequestSchema, { name: "", teamId: "x" })).toMatchObject({
      name: "must have 1 to 255 characters",
      team_id: expect.stringContaining("must be a UUID, for example"),
    });
    const servers = Array<string>(1_001).fill("a");
    const scopes = { servers, tools: ["echo"], scopesMode: 7 };
    expect(problems(CreateApiKeyRequestSchema, { name: "a", scopes })).toEqual({
      "scopes.servers": "must have at most 1000 entries",
      "scopes.tools[0]": 'must be "server/tool", where "*" stands for any characters',
      "scopes.scopes_mode": "must be one of the values that there are",
    });
    expect(problems(CreateUserRequestSchema, { email: "x", role: "king" })).toMatchObject({
      email: "must be an e-mail address, for example ann@example.com",
      role: "must be one of org_admin, org_member, org_viewer",
      password: "must have 12 to 1024 characters",
    });
    expect(problems(CreateMcpServerRequestSchema, { name: "a", url: "no url" })).toEqual({
      url: "must be a URL, for example https://mcp.example.com/mcp",
    });
  });
});

describe("the contract", () => {
  const services = [
    ApiKeyService,
    CostService,
    McpServerService,
    OrganizationService,
    PriceService,
    SessionService,
    TraceService,
  ];
  const fields = services
    .flatMap(({ methods }) => methods)
    .flatMap(({ input }) => [...fieldsOf(input)])
    .filter((field) => hasOption(field, fieldRules));

  it("has words for every pattern that a caller may break", () => {
    expect(fields.length).toBeGreaterThan(30);
    for (const field of fields) {
      const { type } = getOption(field, fieldRules);
      expect([field.toString(), type.case]).toEqual([
        field.toString(),
        type.case && expect.stringMatching(/^(string|uint32|int64|repeated|enum)$/),
      ]);
      const ofText = type.case === "repeated" ? type.value.items?.type : type;
      // The bound of the entries is all that is said of a list.
      if (type.case === "repeated") expect([field.toString(), type.value.minItems]).toContain(0n);
      if (ofText?.case === "string" && ofText.value.pattern !== "")
        expect([field.toString(), getOption(field, must_be)]).not.toContain("");
    }
  });
});

function* fieldsOf(message: DescMessage, seen = new Set<DescMessage>()): Iterable<DescField> {
  if (seen.has(message)) return;
  seen.add(message);
  for (const field of message.fields) {
    yield field;
    if (field.message) yield* fieldsOf(field.message, seen);
  }
}
