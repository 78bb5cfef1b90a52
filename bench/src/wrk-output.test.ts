import { describe, expect, it } from "@jest/globals";
import { errorsOf, loadReportFrom } from "./wrk-output.ts";

const OUTPUT = `Running 2s test @ http://127.0.0.1:1/v1/mcp/bench
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.20ms  300.00us   9.80ms   90.00%
    Req/Sec    50.00k     1.00k   52.00k    70.00%
  100000 requests in 2.00s, 25.00MB read
Requests/sec:  50000.00
Transfer/sec:     12.50MB

BENCH {"requests":100000,"durationUs":2000123,"p50Us":1180,"p95Us":1900,"p99Us":2750,"maxUs":9800,"errors":{"connect":0,"read":0,"write":0,"status":0,"timeout":0}}
`;

describe("loadReportFrom", () => {
  it("finds the script's line among wrk's own", () => {
    const report = loadReportFrom(OUTPUT);
    expect(report).toMatchObject({ requests: 100_000, durationUs: 2_000_123, p95Us: 1_900 });
    expect(report && errorsOf(report)).toBe("");
  });

  it("finds nothing where wrk gave up", () => {
    expect(loadReportFrom("unable to connect to 127.0.0.1:1 Connection refused\n")).toBeUndefined();
  });
});

describe("errorsOf", () => {
  it("names the kinds that occurred", () => {
    const report = loadReportFrom(
      OUTPUT.replace('"status":0', '"status":7').replace('"read":0', '"read":1'),
    );
    expect(report && errorsOf(report)).toBe("1 read errors, 7 status errors");
  });
});
