const DAY_MS = 86_400_000;

/** Lifetimes to choose from. */
export const KEY_EXPIRIES = [
  { id: "never", label: "Never", days: undefined },
  { id: "7d", label: "In 7 days", days: 7 },
  { id: "30d", label: "In 30 days", days: 30 },
  { id: "90d", label: "In 90 days", days: 90 },
  { id: "365d", label: "In a year", days: 365 },
] as const;

export type KeyExpiryId = (typeof KEY_EXPIRIES)[number]["id"];

/** When a key of that lifetime ends, in milliseconds since the epoch. Undefined: never. */
export function expiryTimeMs(id: KeyExpiryId, nowMs: number): number | undefined {
  const days = KEY_EXPIRIES.find((expiry) => expiry.id === id)?.days;
  return days === undefined ? undefined : nowMs + days * DAY_MS;
}
