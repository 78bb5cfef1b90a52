import type { IncomingMessage, ServerResponse } from "node:http";

export type Probes = {
  /** What is not ready, in words; empty when all is. */
  readonly notReady: () => readonly string[];
  /** Prometheus text of all workers together. */
  readonly metrics: () => Promise<{ contentType: string; text: string }>;
};

/** Serves /health, /ready and /metrics. */
export function createProbes(
  probes: Probes,
): (request: IncomingMessage, response: ServerResponse, path: string) => boolean {
  return (request, response, path) => {
    if (request.method !== "GET") return false;
    switch (path) {
      case "/health":
        sendJson(response, 200, { status: "ok" });
        return true;
      case "/ready": {
        const problems = probes.notReady();
        sendJson(response, problems.length === 0 ? 200 : 503, {
          ready: problems.length === 0,
          problems,
        });
        return true;
      }
      case "/metrics":
        probes.metrics().then(
          ({ contentType, text }) =>
            response.writeHead(200, { "content-type": contentType }).end(text),
          () => {
            sendJson(response, 503, { error: "the workers did not report in time" });
          },
        );
        return true;
      default:
        return false;
    }
  };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
