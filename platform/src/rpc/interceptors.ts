import { createValidator } from "@bufbuild/protovalidate";
import type { Interceptor } from "@connectrpc/connect";
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
      metrics.observe({ method: "rpc", path, status: "ok", started });
      return response;
    } catch (error) {
      const failure = failureFromConnect(error);
      metrics.observe({ method: "rpc", path, status: failure.reason, started });
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
      throw answer;
    }
  };
}

/** Innermost: checks the request's fields by the rules in its .proto (protovalidate), and says so in a face's words. */
export function validateInterceptor(face: Face): Interceptor {
  const validator = createValidator();
  return (next) => async (request) => {
    if (!request.stream) requireValid(request.message);
    return next(request);

    function requireValid(message: Message): void {
      const result = validator.validate(request.method.input, message);
      if (result.kind === "valid") return;
      if (result.kind === "error") throw failureFrom(result.error);
      throw invalidRequest(result.violations.map((violation) => problemOf(violation, face)));
    }
  };
}
