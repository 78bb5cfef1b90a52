/** Writes microseconds with three significant digits: "850 µs", "12.3 ms", "1.24 s", "2 min 5 s", "3 h 20 min". */
export function formatDurationUs(durationUs: number | bigint): string {
  const us = Math.max(0, Number(durationUs));
  if (us < 999.5) return `${String(Math.round(us))} µs`;
  const ms = us / 1_000;
  if (ms < 999.5) return `${threeDigits(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 59.95) return `${threeDigits(seconds)} s`;
  const wholeSeconds = Math.round(seconds);
  const minutes = Math.floor(wholeSeconds / 60);
  if (minutes < 60) return pair([minutes, "min"], [wholeSeconds % 60, "s"]);
  return pair([Math.floor(minutes / 60), "h"], [minutes % 60, "min"]);
}

/** Writes milliseconds as `formatDurationUs` does. */
export function formatDurationMs(durationMs: number | bigint): string {
  return formatDurationUs(Number(durationMs) * 1_000);
}

function threeDigits(value: number): string {
  const decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  const text = value.toFixed(decimals);
  return decimals === 0 ? text : text.replace(/\.?0+$/, "");
}

function pair(large: readonly [number, string], small: readonly [number, string]): string {
  const head = `${String(large[0])} ${large[1]}`;
  return small[0] === 0 ? head : `${head} ${String(small[0])} ${small[1]}`;
}
