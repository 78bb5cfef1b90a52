/** Micro-USD as an exact amount: 250n is "$0.000250", 1500000n "$1.50". */
export function usd(micros: bigint): string {
  const sign = micros < 0n ? "-" : "";
  const digits = (micros < 0n ? -micros : micros).toString().padStart(7, "0");
  const cents = digits.slice(-6).replace(/0{1,4}$/, (zeros) => (zeros.length === 4 ? "" : zeros));
  return `${sign}$${digits.slice(0, -6)}.${cents}`;
}

/** Micro-USD of an amount that a person wrote in US dollars; undefined when it is none, or finer than a micro-USD. */
export function usdMicrosFrom(text: string): bigint | undefined {
  const match = /^\$?(\d{1,8})(?:\.(\d{1,6}))?$/.exec(text.trim());
  if (match === null) return undefined;
  return BigInt(match[1] ?? "0") * 1_000_000n + BigInt((match[2] ?? "").padEnd(6, "0"));
}

/** Microseconds for people: "640 µs", "12.3 ms", "4.56 s". */
export function durationText(us: bigint | number): string {
  const value = Number(us);
  if (value < 1_000) return `${String(value)} µs`;
  if (value < 1_000_000) return `${(value / 1_000).toFixed(1)} ms`;
  return `${(value / 1_000_000).toFixed(2)} s`;
}

/** Local time of day with milliseconds, "14:03:07.250". */
export function timeOfDay(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  return `${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

/** Local date and time of day, "2026-11-23 14:03:07.250". */
export function dateAndTime(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  return `${day} ${timeOfDay(time)}`;
}
