import { expect } from "@jest/globals";
import { bearer, type Answer, type Stack } from "./stack.ts";
import type { RawAnswer } from "./raw-http.ts";

/** One of the ways in which requests reach GatewayOps, each with its own shape of errors. */
export type Face = {
  readonly name: "MCP" | "REST façade" | "control plane";
  readonly path: string;
  /** A body that is right in every way. */
  readonly body: string;
};

export const MCP: Face = {
  name: "MCP",
  path: "/v1/mcp/everything",
  body: '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"message":"x"}}}',
};

export const FACADE: Face = {
  name: "REST façade",
  path: "/v1/mcp/everything/tools/call",
  body: '{"tool":"echo","arguments":{"message":"x"}}',
};

export const CONTROL_PLANE: Face = {
  name: "control plane",
  path: "/v1/prices",
  body: '{"server":"e2e-never-called","tool":"*","per_call":0}',
};

export const FACES: readonly Face[] = [MCP, FACADE, CONTROL_PLANE];

export type Refusal = {
  readonly status: number;
  readonly reason: string;
  /** `error.code` of the REST faces. */
  readonly code: string;
  /** `error.code` of the MCP face. */
  readonly rpcCode: number;
  /** `id` of the MCP face's answer: the request's, once that could be read. Absent: null. */
  readonly rpcId?: number | string;
};

/** Headers of a well-formed request with a key. */
export function requestHead(
  stack: Stack,
  face: Face,
  key: string,
  more: readonly string[],
): string {
  return [
    `POST ${face.path} HTTP/1.1`,
    `Host: ${new URL(stack.gatewayUrl).host}`,
    `Authorization: ${bearer(key).authorization}`,
    "Accept: application/json, text/event-stream",
    ...more,
    "\r\n",
  ].join("\r\n");
}

/** Holds a refusal to the shape of its face: status, reason, code, a sentence for people, and one request id in two places. */
export function expectRefusal(face: Face, answer: Answer | RawAnswer, refusal: Refusal): void {
  const isRead = "text" in answer;
  const text = isRead ? answer.text : answer.body;
  expect({ status: answer.status, text }).toEqual({
    status: refusal.status,
    text: expect.stringContaining(`"${refusal.reason}"`),
  });
  expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
  const body: unknown = isRead ? answer.json : JSON.parse(unchunked(answer));
  const requestId = answer.headers.get("x-request-id") ?? "none";
  expect(requestId).toMatch(/^req_[0-9a-f]{32}$/);
  const message = expect.stringMatching(/^[A-Z"“].{10,}[.`]$/s);
  if (face.name === "MCP") {
    expect(body).toEqual({
      jsonrpc: "2.0",
      id: refusal.rpcId ?? null,
      error: {
        code: refusal.rpcCode,
        message,
        data: expect.objectContaining({ reason: refusal.reason, request_id: requestId }),
      },
    });
    return;
  }
  expect(body).toEqual({
    error: {
      code: refusal.code,
      message,
      details: expect.any(Array),
      reason: refusal.reason,
      request_id: requestId,
    },
  });
}

function unchunked({ headers, body }: RawAnswer): string {
  if (headers.get("transfer-encoding") !== "chunked") return body;
  // One chunk: these answers are short.
  return body.slice(body.indexOf("\r\n") + 2, body.lastIndexOf("\r\n0\r\n"));
}
