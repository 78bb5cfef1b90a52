import { describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { CallMetrics, type RequestSample } from "./call-metrics.ts";

function sampleOf(fields: Partial<RequestSample> = {}): RequestSample {
  return {
    server: "files",
    tool: "read",
    status: "success",
    orgId: "org",
    teamId: "team",
    durationUs: 3_000,
    requestBytes: 110,
    responseBytes: 2_000,
    costUsdMicros: 250n,
    ...fields,
  };
}

/** Lines of the text form that begin so. */
async function linesOf(metrics: CallMetrics, beginning: string): Promise<string[]> {
  const registry = new Registry();
  metrics.register(registry);
  return (await registry.metrics()).split("\n").filter((line) => line.startsWith(beginning));
}

describe("CallMetrics", () => {
  it("counts requests by server, tool and status", async () => {
    const metrics = new CallMetrics();
    metrics.observe(sampleOf());
    metrics.observe(sampleOf());
    metrics.observe(sampleOf({ status: "timeout" }));
    metrics.observe(sampleOf({ server: "web", tool: "" }));
    expect(await linesOf(metrics, "gateway_requests_total{")).toEqual([
      'gateway_requests_total{server="files",tool="read",status="success"} 2',
      'gateway_requests_total{server="files",tool="read",status="timeout"} 1',
      'gateway_requests_total{server="web",tool="",status="success"} 1',
    ]);
  });

  it("puts durations into the specification's buckets", async () => {
    const metrics = new CallMetrics();
    metrics.observe(sampleOf({ durationUs: 5_000 }));
    metrics.observe(sampleOf({ durationUs: 5_001 }));
    const name = "gateway_request_duration_seconds";
    const lines = await linesOf(metrics, name);
    expect(lines).toContain(`${name}_bucket{le="0.005",server="files",tool="read"} 1`);
    expect(lines).toContain(`${name}_bucket{le="0.01",server="files",tool="read"} 2`);
    expect(lines).toContain(`${name}_bucket{le="+Inf",server="files",tool="read"} 2`);
    expect(lines).toContain(`${name}_count{server="files",tool="read"} 2`);
  });

  it("adds up costs by organisation, team and server", async () => {
    const metrics = new CallMetrics();
    metrics.observe(sampleOf());
    metrics.observe(sampleOf({ tool: "write" }));
    metrics.observe(sampleOf({ teamId: "other", costUsdMicros: 1n }));
    metrics.observe(sampleOf({ orgId: "another", costUsdMicros: 0n }));
    expect(await linesOf(metrics, "gateway_cost_total{")).toEqual([
      'gateway_cost_total{org_id="org",team_id="team",server="files"} 0.0005',
      'gateway_cost_total{org_id="org",team_id="other",server="files"} 0.000001',
    ]);
  });

  it("counts under one name what agents made up beyond its bound", async () => {
    const metrics = new CallMetrics();
    for (let index = 0; index < 2_500; index++)
      metrics.observe(sampleOf({ tool: `tool ${index}` }));
    const lines = await linesOf(metrics, "gateway_requests_total{");
    expect(lines).toHaveLength(2_001);
    expect(lines.at(-1)).toBe(
      'gateway_requests_total{server="other",tool="other",status="success"} 500',
    );
  });
});
