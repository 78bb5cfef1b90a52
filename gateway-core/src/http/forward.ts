import {
  request as httpRequest,
  Agent,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { DescService } from "@bufbuild/protobuf";
import { ApiKeyService } from "@gatewayops/proto/gatewayops/auth/v1/api_key_service_pb";
import { OrganizationService } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";
import { SessionService } from "@gatewayops/proto/gatewayops/auth/v1/session_service_pb";
import { BudgetService } from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { CostService } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";
import { PriceService } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { TraceService } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { Failure } from "@gatewayops/platform/errors";
import { INTERNAL_HEADER } from "@gatewayops/platform/rpc/access";
import { sendFailure } from "@gatewayops/platform/rpc/rest";

/** Base URLs of the services' HTTP/1.1 ports; empty ones are not served here. */
export type ServiceUrls = { readonly auth: string; readonly cost: string; readonly trace: string };

/** Which service serves which REST paths. */
const REST_PREFIXES: readonly (readonly [string, keyof ServiceUrls])[] = [
  ["/v1/auth/", "auth"],
  ["/v1/orgs", "auth"],
  ["/v1/teams", "auth"],
  ["/v1/users", "auth"],
  ["/v1/servers", "auth"],
  ["/v1/budgets", "cost"],
  ["/v1/costs/", "cost"],
  ["/v1/prices", "cost"],
  ["/v1/traces", "trace"],
  ["/v1/calls", "trace"],
];

/** Forwarded services. Internal ones are not named, so they cannot be reached from outside. */
const SERVICES: readonly (readonly [DescService, keyof ServiceUrls])[] = [
  [ApiKeyService, "auth"],
  [McpServerService, "auth"],
  [OrganizationService, "auth"],
  [SessionService, "auth"],
  [BudgetService, "cost"],
  [CostService, "cost"],
  [PriceService, "cost"],
  [TraceService, "trace"],
];

export const FORWARDED_SERVICES: readonly DescService[] = SERVICES.map(([service]) => service);

const PREFIXES = [
  ...REST_PREFIXES,
  ...SERVICES.map(([{ typeName }, owner]) => [`/${typeName}/`, owner] as const),
];

/** The service that serves a path. */
export function serviceOf(path: string): keyof ServiceUrls | undefined {
  return PREFIXES.find(([prefix]) => path.startsWith(prefix))?.[1];
}

const TIMEOUT_MS = 60_000;
/** How often a request without side effects is tried, since a service that restarts is back within a second. */
const TRIES = 8;
const RETRY_MS = 250;

/** Forwards control-plane requests to their service, so that one origin serves everything. */
export function createForwarder(
  urls: ServiceUrls,
): (request: IncomingMessage, response: ServerResponse, path: string) => boolean {
  const agent = new Agent({ keepAlive: true, maxSockets: 128, timeout: TIMEOUT_MS });
  return (request, response, path) => {
    const service = serviceOf(path);
    const base = service === undefined ? "" : urls[service];
    if (base === "") return false;
    forward(request, response, { agent, base, tries: TRIES });
    return true;
  };
}

function forward(
  request: IncomingMessage,
  response: ServerResponse,
  options: { agent: Agent; base: string; tries: number },
): void {
  const address = request.socket.remoteAddress ?? "";
  const before = request.headers["x-forwarded-for"];
  const headers = {
    "x-forwarded-proto": "http",
    ...request.headers,
    // The last address is the one we saw ourselves; those before it are hearsay.
    "x-forwarded-for": before === undefined ? address : `${String(before)}, ${address}`,
  };
  // A secret from outside proves nothing.
  Reflect.deleteProperty(headers, INTERNAL_HEADER);
  const onward = httpRequest(new URL(request.url ?? "/", options.base), {
    method: request.method,
    headers,
    agent: options.agent,
    timeout: TIMEOUT_MS,
  });
  onward.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
    answer.on("error", () => response.destroy());
  });
  onward.on("timeout", () => onward.destroy(new Error("timed out")));
  onward.on("error", (error: NodeJS.ErrnoException) => {
    if (response.destroyed) return;
    // Refused means that nothing was sent: asking again is safe, as long as no body has been read off the request.
    if (error.code === "ECONNREFUSED" && options.tries > 1 && request.readableFlowing === null) {
      setTimeout(() => {
        forward(request, response, { ...options, tries: options.tries - 1 });
      }, RETRY_MS);
      return;
    }
    // What is left of the body is thrown away, so that the connection can be used again.
    request.unpipe(onward);
    request.resume();
    sendFailure(
      response,
      new Failure(
        "STORE_UNAVAILABLE",
        "The service behind this path does not answer. Try again shortly.",
        {
          retryAfterMs: 2_000,
          cause: error,
        },
      ),
    );
  });
  response.on("close", () => onward.destroy());
  onward.on("socket", (socket) => {
    // A kept connection still has the time-out of its idle time, a few seconds: the agent does not reset it when the
    // request's own is the agent's. A stream that is silent for longer would be cut off.
    socket.setTimeout(TIMEOUT_MS);
    const begin = (): void => {
      request.pipe(onward);
    };
    if (socket.connecting) socket.once("connect", begin);
    else begin();
  });
}
