import type { JsonObject } from "./schemas.ts";

// What the gateway itself serves: no descriptor says it, so it is written here. Its code is
// gateway-core/src/http/{gateway-server,rest-exchange,probes}.ts.

export const GATEWAY_TAGS = [
  {
    name: "MCP",
    description:
      "MCP servers through the gateway: the MCP endpoint of each server, and a plain REST façade for six methods.",
  },
  { name: "Operations", description: "Probes and metrics of a gateway. They need no credentials." },
];

const SERVER_PARAMETER = {
  name: "server",
  in: "path",
  required: true,
  description: "Name of the MCP server, as `GET /v1/servers` lists it.",
  schema: { type: "string", pattern: "^[a-z0-9][a-z0-9_-]{0,63}$" },
};

const SESSION_PARAMETER = {
  name: "Mcp-Session-Id",
  in: "header",
  description:
    "Session of the legacy era, as the answer to `initialize` gave it. It is of no use to another key or server.",
  schema: { type: "string" },
};

const KEY_ONLY = [{ apiKey: [] }];

const CALL_HEADERS = Object.fromEntries(
  [
    "X-Request-ID",
    "X-Trace-ID",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
  ].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
);

const FACADE_ERRORS = {
  400: { $ref: "#/components/responses/BadRequest" },
  401: { $ref: "#/components/responses/Unauthorized" },
  403: { $ref: "#/components/responses/Forbidden" },
  404: { $ref: "#/components/responses/NotFound" },
  429: { $ref: "#/components/responses/RateLimited" },
  502: { $ref: "#/components/responses/UpstreamError" },
  503: { $ref: "#/components/responses/Unavailable" },
  504: { $ref: "#/components/responses/UpstreamTimeout" },
  default: { $ref: "#/components/responses/Error" },
};

type Facade = {
  readonly operationId: string;
  readonly summary: string;
  readonly request: string;
};

const FACADE: Readonly<Record<string, Facade>> = {
  "tools/call": {
    operationId: "McpToolsCall",
    summary: "Call a tool",
    request: "McpToolCallRequest",
  },
  "tools/list": {
    operationId: "McpToolsList",
    summary: "List tools",
    request: "McpListRequest",
  },
  "resources/read": {
    operationId: "McpResourcesRead",
    summary: "Read a resource",
    request: "McpResourceReadRequest",
  },
  "resources/list": {
    operationId: "McpResourcesList",
    summary: "List resources",
    request: "McpListRequest",
  },
  "prompts/get": {
    operationId: "McpPromptsGet",
    summary: "Get a prompt",
    request: "McpPromptGetRequest",
  },
  "prompts/list": {
    operationId: "McpPromptsList",
    summary: "List prompts",
    request: "McpListRequest",
  },
};

export const GATEWAY_PATHS: Record<string, JsonObject> = {
  ...Object.fromEntries(
    Object.entries(FACADE).map(([method, facade]) => [
      `/v1/mcp/{server}/${method}`,
      { post: facadeOperation(method, facade) },
    ]),
  ),
  "/v1/mcp/{server}": {
    parameters: [SERVER_PARAMETER],
    post: {
      tags: ["MCP"],
      operationId: "McpMessage",
      summary: "Send an MCP message (Streamable HTTP)",
      description:
        "The server's MCP endpoint for clients of the same era as the server. The body is one JSON-RPC message and is " +
        "forwarded byte for byte; the answer is the server's own, as JSON or as an event stream. Errors of the gateway " +
        "are JSON-RPC errors with codes from 1001 on and the reason in `data.reason`.",
      security: KEY_ONLY,
      parameters: [SESSION_PARAMETER],
      requestBody: {
        required: true,
        content: { "application/json": { schema: { $ref: "#/components/schemas/McpMessage" } } },
      },
      responses: {
        200: {
          description: "The server's answer.",
          headers: CALL_HEADERS,
          content: {
            "application/json": { schema: { $ref: "#/components/schemas/McpMessage" } },
            "text/event-stream": { schema: { type: "string" } },
          },
        },
        202: { description: "A notification or response was passed on." },
        default: mcpError("Any failure, as a JSON-RPC error."),
      },
    },
    get: {
      tags: ["MCP"],
      operationId: "McpStream",
      summary: "Open the server's own stream (legacy era)",
      security: KEY_ONLY,
      parameters: [SESSION_PARAMETER],
      responses: {
        200: {
          description: "Messages of the server that belong to no request.",
          content: { "text/event-stream": { schema: { type: "string" } } },
        },
        default: mcpError("Any failure, as a JSON-RPC error."),
      },
    },
    delete: {
      tags: ["MCP"],
      operationId: "McpEndSession",
      summary: "End the session (legacy era)",
      security: KEY_ONLY,
      parameters: [SESSION_PARAMETER],
      responses: {
        "2XX": { description: "The server's own answer: the session has ended." },
        default: mcpError("Any failure, as a JSON-RPC error."),
      },
    },
  },
  "/health": {
    get: {
      tags: ["Operations"],
      operationId: "Health",
      summary: "Say whether the process lives",
      security: [],
      responses: {
        200: {
          description: "It lives.",
          content: {
            "application/json": {
              schema: { type: "object", properties: { status: { type: "string", const: "ok" } } },
            },
          },
        },
      },
    },
  },
  "/ready": {
    get: {
      tags: ["Operations"],
      operationId: "Ready",
      summary: "Say whether the process takes calls",
      security: [],
      responses: {
        200: readiness("It takes calls."),
        503: readiness("It does not, for example because it is closing."),
      },
    },
  },
  "/metrics": {
    get: {
      tags: ["Operations"],
      operationId: "Metrics",
      summary: "Return the metrics of all workers together",
      description: "Prometheus text. docs/metrics.md lists the metrics.",
      security: [],
      responses: {
        200: {
          description: "The metrics.",
          content: { "text/plain": { schema: { type: "string" } } },
        },
        503: { description: "The workers did not report in time." },
      },
    },
  },
};

export const GATEWAY_SCHEMAS: JsonObject = {
  McpToolCallRequest: {
    type: "object",
    description: "Request of the façade's tools/call.",
    required: ["tool"],
    properties: {
      tool: { type: "string", minLength: 1, description: "Name of the tool." },
      arguments: { type: "object", description: "The tool's arguments, forwarded as they are." },
      _meta: { type: "object", description: "MCP metadata, forwarded as it is." },
    },
  },
  McpResourceReadRequest: {
    type: "object",
    description: "Request of the façade's resources/read.",
    required: ["uri"],
    properties: {
      uri: { type: "string", minLength: 1, description: "URI of the resource." },
      _meta: { type: "object", description: "MCP metadata, forwarded as it is." },
    },
  },
  McpPromptGetRequest: {
    type: "object",
    description: "Request of the façade's prompts/get.",
    required: ["name"],
    properties: {
      name: { type: "string", minLength: 1, description: "Name of the prompt." },
      arguments: { type: "object", description: "The prompt's arguments, forwarded as they are." },
      _meta: { type: "object", description: "MCP metadata, forwarded as it is." },
    },
  },
  McpListRequest: {
    type: "object",
    description: "Request of the façade's lists.",
    properties: {
      cursor: {
        type: "string",
        description: "The server's `nextCursor` of the page before. Absent for the first page.",
      },
    },
  },
  McpFacadeResponse: {
    type: "object",
    description: "Answer of the façade.",
    required: ["result", "metadata"],
    properties: {
      result: {
        description:
          "The JSON-RPC result in the server's own bytes. A tool that failed says `isError`.",
      },
      metadata: {
        type: "object",
        required: ["trace_id", "request_id", "latency_ms", "cost"],
        properties: {
          trace_id: {
            type: ["string", "null"],
            description: "W3C trace id. Null for lists, which are not recorded.",
          },
          request_id: { type: "string", description: "The request id, as in X-Request-ID." },
          latency_ms: { type: "integer", description: "Time it took, in milliseconds." },
          cost: { type: "number", description: "What it cost, in US dollars." },
        },
      },
    },
  },
  McpMessage: {
    type: "object",
    description: "A JSON-RPC 2.0 message of MCP.",
    required: ["jsonrpc"],
    properties: {
      jsonrpc: { type: "string", const: "2.0" },
      id: { type: ["string", "number", "null"] },
      method: { type: "string" },
      params: { type: "object" },
      result: {},
      error: { type: "object" },
    },
  },
  McpError: {
    type: "object",
    description: "A JSON-RPC error made by the gateway.",
    required: ["jsonrpc", "id", "error"],
    properties: {
      jsonrpc: { type: "string", const: "2.0" },
      id: { type: ["string", "number", "null"] },
      error: {
        type: "object",
        required: ["code", "message"],
        properties: {
          code: {
            type: "integer",
            description: "1000 and the reason's number; JSON-RPC's own for broken messages.",
          },
          message: { type: "string" },
          data: {
            type: "object",
            properties: {
              reason: { type: "string", description: "docs/errors.md lists them." },
              request_id: { type: "string" },
              retry_after_ms: { type: "integer" },
            },
          },
        },
      },
    },
  },
  Readiness: {
    type: "object",
    required: ["ready", "problems"],
    properties: {
      ready: { type: "boolean" },
      problems: { type: "array", items: { type: "string" }, description: "What is not ready." },
    },
  },
};

function facadeOperation(method: string, facade: Facade): JsonObject {
  return {
    tags: ["MCP"],
    operationId: facade.operationId,
    summary: facade.summary,
    description: `MCP ${method} as a plain POST. The gateway keeps the session that the server may need.`,
    security: KEY_ONLY,
    parameters: [SERVER_PARAMETER],
    requestBody: {
      required: true,
      content: {
        "application/json": { schema: { $ref: `#/components/schemas/${facade.request}` } },
      },
    },
    responses: {
      200: {
        description: "The server's result.",
        headers: CALL_HEADERS,
        content: {
          "application/json": { schema: { $ref: "#/components/schemas/McpFacadeResponse" } },
        },
      },
      ...FACADE_ERRORS,
    },
  };
}

function mcpError(description: string): JsonObject {
  return {
    description,
    content: { "application/json": { schema: { $ref: "#/components/schemas/McpError" } } },
  };
}

function readiness(description: string): JsonObject {
  return {
    description,
    content: { "application/json": { schema: { $ref: "#/components/schemas/Readiness" } } },
  };
}
