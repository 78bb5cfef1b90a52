/** What wrk measured, as load.lua writes it. Latencies in microseconds. */
export type LoadReport = {
  readonly requests: number;
  readonly durationUs: number;
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Calls that failed. "status": answered with 400 or more. */
  readonly errors: Readonly<Record<"connect" | "read" | "write" | "status" | "timeout", number>>;
};

/** The report in wrk's output; undefined when there is none. */
export function loadReportFrom(output: string): LoadReport | undefined {
  const line = /^BENCH (\{.*\})$/m.exec(output)?.[1];
  return line === undefined ? undefined : (JSON.parse(line) as LoadReport);
}

/** The errors in words, for example "3 status, 1 read"; empty when there are none. */
export function errorsOf(report: LoadReport): string {
  return Object.entries(report.errors)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind} errors`)
    .join(", ");
}
