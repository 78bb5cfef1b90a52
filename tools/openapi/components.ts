import { SESSION_COOKIE } from "@gatewayops/platform/rpc/client";
import type { JsonObject } from "./schemas.ts";

// What operations of services and of the gateway refer to.

export const SECURITY_SCHEMES = {
  apiKey: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "gwo_{environment}_{base62}",
    description: "An API key. Its scopes hold the servers, tools and permissions it may use.",
  },
  session: {
    type: "apiKey",
    in: "cookie",
    name: SESSION_COOKIE,
    description:
      "A console session, from POST /v1/auth/session. Changes with it must come from the console's own origin. It does " +
      "not open /v1/mcp.",
  },
};

export const HEADERS = {
  "X-Request-ID": {
    description: "Id of this request. `gwo explain` shows what happened to a call by it.",
    schema: { type: "string", pattern: "^req_[0-9a-f]{32}$" },
  },
  "X-Trace-ID": {
    description: "W3C trace id of the call, given by the caller in `traceparent` or made here.",
    schema: { type: "string", pattern: "^[0-9a-f]{32}$" },
  },
  "X-RateLimit-Limit": {
    description: "Calls per second of the tightest limit.",
    schema: { type: "integer" },
  },
  "X-RateLimit-Remaining": {
    description: "Calls that are left at once, as far as the worker knows.",
    schema: { type: "integer" },
  },
  "X-RateLimit-Reset": {
    description: "Seconds until the limit is whole again.",
    schema: { type: "integer" },
  },
  "Retry-After": {
    description: "Seconds to wait before another try.",
    schema: { type: "integer" },
  },
};

export const RESPONSES = {
  BadRequest: errorResponse("The request is wrong; details names the fields."),
  Unauthorized: errorResponse("No valid credentials were sent."),
  Forbidden: errorResponse("The caller may not do this."),
  NotFound: errorResponse("There is no such thing, or not for this caller."),
  RateLimited: errorResponse("A limit was reached. Retry-After says how long to wait."),
  UpstreamError: errorResponse("The MCP server failed, or did not answer in MCP."),
  UpstreamTimeout: errorResponse("The MCP server did not answer in time."),
  Unavailable: errorResponse(
    "A part that is needed does not answer. Retry-After says how long to wait.",
  ),
  Error: errorResponse("Any other failure, in the one error shape."),
};

function errorResponse(description: string): JsonObject {
  return {
    description,
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
  };
}

export const ERROR_SCHEMAS = {
  Error: {
    type: "object",
    description: "The one shape of errors.",
    required: ["error"],
    properties: {
      error: {
        type: "object",
        required: ["code", "message", "details", "reason"],
        properties: {
          code: {
            type: "string",
            description: "Coarse code, for example rate_limited.",
          },
          message: { type: "string", description: "What is wrong and what to do next." },
          details: {
            type: "array",
            description: "What is wrong with which field. Empty when nothing more is known.",
            items: {
              type: "object",
              required: ["field", "message"],
              properties: { field: { type: "string" }, message: { type: "string" } },
            },
          },
          reason: {
            type: "string",
            description: "Exact reason, for example RATE_LIMITED. docs/errors.md lists them.",
          },
          request_id: { type: "string", description: "The request id, as in X-Request-ID." },
        },
      },
    },
  },
};
