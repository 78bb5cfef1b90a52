import { isUtf8 } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Face, Operation, Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import { restErrorBody } from "@gatewayops/platform/rpc/rest";
import { usdFromMicros } from "@gatewayops/platform/rpc/rest-json";
import { jsonTextOf, membersOf } from "../mcp/json-members.ts";
import type { McpMessage } from "../mcp/message.ts";
import type { Ending } from "../stages/ending.ts";
import { Exchange } from "../stages/exchange.ts";
import type { Pipeline } from "../stages/pipeline.ts";
import { circuitOpen } from "../upstream/breaker.ts";
import type { OwnClient } from "../upstream/own-client.ts";
import type { RawAnswer } from "../upstream/raw-answer.ts";
import { pushCommonHeaders, pushFailureHeaders } from "./answer-headers.ts";

/** How a path of the façade becomes an MCP method: body members and the params they are. */
type FacadeMethod = {
  readonly operation: Operation;
  /** Body member that names the target, and the param it becomes. */
  readonly target: { readonly member: string; readonly param: string } | undefined;
  /** Body members that are passed on under their own name. */
  readonly passed: readonly string[];
};

/** The specification's six paths below /v1/mcp/{server}/. */
export const FACADE_METHODS: ReadonlyMap<string, FacadeMethod> = new Map([
  [
    "tools/call",
    {
      operation: Operation.TOOLS_CALL,
      target: { member: "tool", param: "name" },
      passed: ["arguments", "_meta"],
    },
  ],
  ["tools/list", { operation: Operation.UNSPECIFIED, target: undefined, passed: ["cursor"] }],
  [
    "resources/read",
    {
      operation: Operation.RESOURCES_READ,
      target: { member: "uri", param: "uri" },
      passed: ["_meta"],
    },
  ],
  ["resources/list", { operation: Operation.UNSPECIFIED, target: undefined, passed: ["cursor"] }],
  [
    "prompts/get",
    {
      operation: Operation.PROMPTS_GET,
      target: { member: "name", param: "name" },
      passed: ["arguments", "_meta"],
    },
  ],
  ["prompts/list", { operation: Operation.UNSPECIFIED, target: undefined, passed: ["cursor"] }],
]);

/** A call over the REST façade: a plain body in, `{result, metadata}` out, the result in the server's own bytes. */
export class RestExchange extends Exchange {
  protected override readonly face = Face.REST;
  readonly #client: OwnClient;
  readonly #method: string;
  #paramsJson = "{}";
  #answer: RawAnswer | undefined;

  constructor(
    pipeline: Pipeline,
    request: IncomingMessage,
    response: ServerResponse,
    options: { serverName: string; method: string; client: OwnClient },
  ) {
    super(pipeline, request, response, options.serverName);
    this.#client = options.client;
    this.#method = options.method;
  }

  protected override parse(body: Buffer): McpMessage {
    const facade = FACADE_METHODS.get(this.#method);
    if (!facade) throw new Failure("NOT_FOUND", `There is no path ${this.#method}.`);
    const json = body.length === 0 ? Buffer.from("{}") : body;
    const values = parseObject(json);
    const target = targetOf(facade, values);
    requireMembers(facade, values);
    // Arguments keep their bytes: big integers and the order of keys survive.
    const params = membersOf(jsonTextOf(json))
      .filter((member) => facade.passed.includes(member.key))
      .map(({ key, start, end }) => `${JSON.stringify(key)}:${json.toString("utf8", start, end)}`);
    if (facade.target)
      params.unshift(`${JSON.stringify(facade.target.param)}:${JSON.stringify(target)}`);
    this.#paramsJson = `{${params.join(",")}}`;
    return {
      kind: "request",
      idText: "null",
      method: this.#method,
      target,
      operation: facade.operation,
      era: "legacy",
      version: "",
      traceparent: undefined,
    };
  }

  protected override send(): void {
    const { upstream, pipeline } = this;
    if (!upstream.breaker.admit()) {
      this.fail(circuitOpen(upstream.name, upstream.breaker));
      return;
    }
    pipeline.metrics.active(upstream.name, 1);
    this.#client
      .request(upstream, this.principal.keyIdText, {
        method: this.#method,
        paramsJson: this.#paramsJson,
        target: this.message.target,
        isSafe: this.#method !== "tools/call",
        onAttempt: () => {
          this.attempts++;
        },
        traceparent: this.trace?.traceparent ?? "",
      })
      .then(
        (answer) => {
          this.#onAnswer(answer);
        },
        (error: unknown) => {
          pipeline.metrics.active(upstream.name, -1);
          const isServersFault = error instanceof Failure && error.reason.startsWith("UPSTREAM_");
          upstream.breaker[isServersFault ? "failed" : "abandoned"]();
          this.fail(error);
        },
      );
  }

  protected override answer(ending: Ending): void {
    if (ending.failure) {
      this.#write(
        ending.failure.spec.http,
        JSON.stringify(restErrorBody(ending.failure, this.requestId)),
        ending.failure,
      );
      return;
    }
    const message = this.#answer?.body ?? Buffer.from("{}");
    const result = membersOf(jsonTextOf(message)).find((member) => member.key === "result");
    const resultJson = result ? message.toString("utf8", result.start, result.end) : "null";
    const traceId = this.trace ? `"${this.trace.traceIdText}"` : "null";
    const metadata =
      `{"trace_id":${traceId},"request_id":"${this.requestId}",` +
      `"latency_ms":${Math.round(this.durationMs)},"cost":${usdFromMicros(this.costUsdMicros)}}`;
    this.#write(200, `{"result":${resultJson},"metadata":${metadata}}`, undefined);
  }

  #onAnswer(answer: RawAnswer): void {
    this.pipeline.metrics.active(this.upstream.name, -1);
    this.upstream.breaker.succeeded();
    this.responseBytes = answer.body.length;
    this.#answer = answer;
    if (answer.kind === "result") {
      const outcome = answer.isToolError ? Outcome.TOOL_ERROR : Outcome.OK;
      this.end({ outcome, httpStatus: 200, rpcCode: 0, failure: undefined });
      return;
    }
    let failure: Failure;
    try {
      failure = failureOfRpcError(answer, this.upstream.name);
    } catch (error) {
      this.fail(
        new Failure(
          "UPSTREAM_NOT_MCP",
          `The MCP server ${this.upstream.name} answered with broken JSON.`,
          { cause: error },
        ),
      );
      return;
    }
    this.end({
      outcome: Outcome.RPC_ERROR,
      httpStatus: failure.spec.http,
      rpcCode: answer.rpcCode,
      failure,
    });
  }

  #write(status: number, body: string, failure: Failure | undefined): void {
    const headers = [
      "content-type",
      "application/json",
      "content-length",
      String(Buffer.byteLength(body)),
    ];
    pushCommonHeaders(this, headers);
    if (failure) pushFailureHeaders(failure, headers);
    if (this.response.destroyed) return;
    this.response.writeHead(status, headers);
    this.finish(body);
  }
}

function targetOf(facade: FacadeMethod, values: Record<string, unknown>): string {
  if (!facade.target) return "";
  const { member } = facade.target;
  const value = values[member];
  if (typeof value !== "string" || value === "") {
    const message = "is required and must be text";
    throw new Failure("REQUEST_INVALID", `${member}: ${message}`, {
      details: [{ field: member, message }],
    });
  }
  return value;
}

/** Refuses members that would be dropped in silence, and arguments that are no object. */
function requireMembers(facade: FacadeMethod, values: Record<string, unknown>): void {
  const details = Object.entries(values).flatMap(([field, value]) => {
    if (field === facade.target?.member) return [];
    if (!facade.passed.includes(field))
      return [{ field, message: "is not a member of this request" }];
    const isWrong =
      (field === "arguments" || field === "_meta") &&
      (typeof value !== "object" || value === null || Array.isArray(value));
    return isWrong ? [{ field, message: "must be a JSON object" }] : [];
  });
  if (details.length === 0) return;
  const text = details.map(
    ({ field, message }) => `${JSON.stringify(field.slice(0, 64))} ${message}`,
  );
  throw new Failure("REQUEST_INVALID", `${text.join("; ")}.`, { details });
}

function parseObject(json: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    if (!isUtf8(json)) throw new Error("not UTF-8");
    value = JSON.parse(json.toString("utf8"));
  } catch {
    // The parser's own message quotes the body, which may hold secrets.
    throw new Failure("REQUEST_MALFORMED", "The body is not JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Failure("REQUEST_INVALID", "The body must be a JSON object.");
  const names = membersOf(jsonTextOf(json)).map((member) => member.key);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new Failure(
      "REQUEST_INVALID",
      `The member ${JSON.stringify(twice)} stands in the body twice.`,
    );
  return value as Record<string, unknown>;
}

/** JSON-RPC errors in the specification's codes: bad arguments are the caller's, the rest is the server's. */
function failureOfRpcError(answer: RawAnswer, server: string): Failure {
  const { error } = JSON.parse(answer.body.toString("utf8")) as { error?: { message?: unknown } };
  const text = typeof error?.message === "string" ? error.message : "";
  const said = `The MCP server ${server} answered: ${text.slice(0, 1_000)} (JSON-RPC code ${answer.rpcCode}).`;
  if (answer.rpcCode === -32602) return new Failure("REQUEST_INVALID", said);
  if (answer.rpcCode === -32601 || answer.rpcCode === -32002) return new Failure("NOT_FOUND", said);
  return new Failure("UPSTREAM_HTTP_ERROR", said);
}
