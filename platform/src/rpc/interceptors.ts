import { createValidator } from "@bufbuild/protovalidate";
import type { ConnectError, Interceptor } from "@connectrpc/connect";
import type { Message } from "@bufbuild/protobuf";
import { failureFrom, invalidRequest } from "../errors.ts";
import type { Logger } from "../log.ts";
import { requestIdOf, uuidV7 } from "../ids.ts";
import { callerKey, requestIdKey } from "./caller.ts";
import { connectErrorFrom, failureFromConnect } from "./errors.ts";
import { problemOf, type Face } from "./field-problems.ts";
import type { ServerMetrics } from "./metrics.ts";

/** Header of the request id, in answers and errors of every face. */
export const REQUEST_ID_HEADER = "x-request-id";

/** Outermost: gives the request an id, turns failures into Connect errors, logs and counts. */
export function edgeInterceptor(log: Logger, metrics: ServerMetrics): Interceptor {
  return (next) => async (request) => {
    const requestId = requestIdOf(uuidV7(Date.now()));
    request.contextValues.set(requestIdKey, requestId);
    const path = `/${request.method.parent.typeName}/${request.method.name}`;
    const started = process.hrtime.bigint();
    try {
      const response = await next(request);
      response.header.set(REQUEST_ID_HEADER, requestId);
      if (response.stream)
        return { ...response, message: watched(response.message, told, answerTo) };
      told("ok");
      return response;
    } catch (error) {
      throw answerTo(error);
    }

    function told(status: string): void {
      metrics.observe({ method: "rpc", path, status, started });
    }

    /** The error as the caller gets it, logged and counted. */
    function answerTo(error: unknown): ConnectError {
      const failure = failureFromConnect(error);
      told(failure.reason);
      const caller = request.contextValues.get(callerKey);
      const fields = {
        request_id: requestId,
        method: path,
        reason: failure.reason,
        org_id: caller?.orgId,
      };
      if (failure.reason === "INTERNAL")
        log.error({ ...fields, err: failure.cause }, "method failed");
      else log.debug({ ...fields, err: failure.cause }, failure.message);
      const answer = connectErrorFrom(failure);
      answer.metadata.set(REQUEST_ID_HEADER, requestId);
      return answer;
    }
  };
}

/** Passes a stream on: says when it ended, and turns an error within it into what the caller gets. */
async function* watched<T>(
  messages: AsyncIterable<T>,
  told: (status: string) => void,
  answerTo: (error: unknown) => ConnectError,
): AsyncGenerator<T> {
  let failed = false;
  try {
    yield* messages;
  } catch (error) {
    failed = true;
    throw answerTo(error);
  } finally {
    if (!failed) told("ok");
  }
}

/** Innermost: checks the request's fields by the rules in its .proto (protovalidate), and says so in a face's words. */
export function validateInterceptor(face: Face): Interceptor {
  const validator = createValidator();
  return (next) => async (request) => {
    if (request.stream)
      return next({ ...request, message: validated(request.message, requireValid) });
    requireValid(request.message);
    return next(request);

    function requireValid(message: Message): void {
      const result = validator.validate(request.method.input, message);
      if (result.kind === "valid") return;
      if (result.kind === "error") throw failureFrom(result.error);
      throw invalidRequest(result.violations.map((violation) => problemOf(violation, face)));
    }
  };
}

async function* validated(
  messages: AsyncIterable<Message>,
  requireValid: (message: Message) => void,
): AsyncGenerator<Message> {
  for await (const message of messages) {
    requireValid(message);
    yield message;
  }
}
