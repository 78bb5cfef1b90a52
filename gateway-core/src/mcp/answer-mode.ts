import { Failure } from "@gatewayops/platform/errors";

/** How a server answers: one JSON document, a stream of events, with no body, or with what is no MCP. */
export type AnswerMode = "json" | "sse" | "empty" | "other";

export function answerModeOf(
  status: number,
  type: string | undefined,
  length: string | undefined,
): AnswerMode {
  if (status === 202 || status === 204 || length === "0") return "empty";
  // The server's own trouble with our credentials is not the agent's; a redirect leads past our checks.
  if (status === 401 || status === 403 || (status >= 300 && status < 400)) return "other";
  switch (mediaTypeOf(type)) {
    case "text/event-stream":
      return "sse";
    case "application/json":
      return "json";
    default:
      return "other";
  }
}

/** A content type without its parameters, in lower case (RFC 9110 §8.3.1). */
export function mediaTypeOf(type = ""): string {
  const end = type.indexOf(";");
  return (end < 0 ? type : type.slice(0, end)).trim().toLowerCase();
}

/** An answer that has ended. */
export type EndedAnswer = {
  readonly mode: AnswerMode;
  readonly status: number;
  /** True when the body held a whole JSON-RPC answer. */
  readonly isAnswer: boolean;
  /** True when the agent sent a request, which must be answered; false for what is only accepted. */
  readonly isRequest: boolean;
};

/** What is wrong with an answer that has ended, undefined when it is one. */
export function failureOfAnswer(
  { mode, status, isAnswer, isRequest }: EndedAnswer,
  server: string,
): Failure | undefined {
  switch (mode) {
    case "sse":
      return isAnswer || !isRequest
        ? undefined
        : new Failure(
            "UPSTREAM_CLOSED",
            `The MCP server ${server} closed its stream before it answered.`,
          );
    case "json":
      if (!isRequest || isAnswer) return undefined;
      return status >= 400
        ? httpError(status, server)
        : notMcp(`The MCP server ${server} answered with JSON that is no JSON-RPC answer.`);
    case "empty":
      return isRequest && status < 300
        ? notMcp(`The MCP server ${server} answered a request with nothing.`)
        : undefined;
    case "other":
      // "Done", "no stream here", "no such session": statuses that mean something without a body.
      if (!isRequest && (status < 300 || isPlainRefusal(status))) return undefined;
      return status >= 300
        ? httpError(status, server)
        : notMcp(
            `The MCP server ${server} did not answer in MCP: neither JSON nor an event stream.`,
          );
  }
}

function httpError(status: number, server: string): Failure {
  return new Failure(
    "UPSTREAM_HTTP_ERROR",
    `The MCP server ${server} answered with HTTP status ${status}.`,
  );
}

function notMcp(message: string): Failure {
  return new Failure("UPSTREAM_NOT_MCP", message);
}

/** A refusal of the request itself; not one of our credentials, which are no business of the agent. */
function isPlainRefusal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 401 && status !== 403;
}
