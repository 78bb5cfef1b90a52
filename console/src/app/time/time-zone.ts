/** Name of the browser's time zone with its offset at that time: "Europe/Berlin (UTC+1)". */
export function describeTimeZone(atMs: number): string {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return name === "UTC" ? "UTC" : `${name} (${offsetName(atMs)})`;
}

/** Offset of the browser's time zone at that time: "UTC+5:30". */
export function offsetName(atMs: number): string {
  const minutes = -new Date(atMs).getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  const rest = size % 60;
  const hours = String(Math.floor(size / 60));
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest === 0 ? "" : `:${String(rest).padStart(2, "0")}`}`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
const DAY_AND_CLOCK = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/** A local time as a list shows it: the clock today, day and clock before. */
export function formatTime(timeMs: number, nowMs: number): string {
  const sameDay = new Date(timeMs).toDateString() === new Date(nowMs).toDateString();
  return (sameDay ? CLOCK : DAY_AND_CLOCK).format(timeMs);
}

/** A local day. */
export function formatDay(timeMs: number): string {
  return DAY.format(timeMs);
}

/** A time without any doubt: local with its zone, and UTC. */
export function formatAbsolute(timeMs: number): string {
  const date = new Date(timeMs);
  const local = new Date(timeMs - date.getTimezoneOffset() * 60_000).toISOString();
  const utc = date.toISOString();
  return `${clean(local)} ${offsetName(timeMs)}\n${clean(utc)} UTC`;
}

const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** How far a time is from now: "3 minutes ago", "in 29 days". */
export function formatRelative(timeMs: number, nowMs: number): string {
  const seconds = Math.round((timeMs - nowMs) / 1_000);
  const size = Math.abs(seconds);
  if (size < 60) return seconds <= 0 ? "just now" : "in under a minute";
  if (size < 3_600) return RELATIVE.format(Math.trunc(seconds / 60), "minute");
  if (size < 86_400) return RELATIVE.format(Math.trunc(seconds / 3_600), "hour");
  return RELATIVE.format(Math.trunc(seconds / 86_400), "day");
}

function clean(iso: string): string {
  return iso.replace("T", " ").replace("Z", "");
}
