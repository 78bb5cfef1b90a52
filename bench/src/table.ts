import type { Cell } from "./cells.ts";

/** Columns as wide as their widest cell, two spaces apart; the first one to the left, numbers to the right. */
export function align(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const HEAD = [
  "target",
  "connections",
  "requests/s",
  "p50 ms",
  "p95 ms",
  "p99 ms",
  "CPU µs/call",
  "min–max",
  "RSS MB",
  "rps ÷ nginx",
  "CPU ÷ nginx",
  "others",
];

/** The results for people: medians, and how far the CPU time per call lay apart. */
export function cellTable(cells: readonly Cell[]): string {
  return align(
    HEAD,
    cells.map((cell) => [
      cell.target,
      String(cell.connections),
      cell.requestsPerSecond.median.toFixed(0),
      milliseconds(cell.p50Us.median),
      milliseconds(cell.p95Us.median),
      milliseconds(cell.p99Us.median),
      cell.cpuUsPerCall?.median.toFixed(1) ?? "–",
      cell.cpuUsPerCall
        ? `${cell.cpuUsPerCall.min.toFixed(1)}–${cell.cpuUsPerCall.max.toFixed(1)}`
        : "–",
      cell.rssBytes === null ? "–" : (cell.rssBytes / 1e6).toFixed(0),
      cell.rpsRatioToNginx.median.toFixed(2),
      cell.cpuRatioToNginx?.median.toFixed(2) ?? "–",
      `${(cell.foreignShare.median * 100).toFixed(0)} %`,
    ]),
  );
}

function milliseconds(us: number): string {
  return (us / 1000).toFixed(2);
}
