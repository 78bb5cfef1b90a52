/** Resumptions of one answer's stream. */
export const RESUMES_MAX = 100;
const DELAY_DEFAULT_MS = 1_000;
const DELAY_MAX_MS = 30_000;

/**
 * Milliseconds to wait before a stream is resumed (MCP 2025-11-25 transports §Resumability).
 *
 * @param retryMs what the server said; undefined for nothing
 */
export function resumeDelayMs(retryMs: number | undefined): number {
  return Math.min(retryMs ?? DELAY_DEFAULT_MS, DELAY_MAX_MS);
}

/** The header that resumes a stream after an event: the id's UTF-8, whose bytes a header's text has as Latin-1. */
export function resumeHeaders(lastEventId: string): string[] {
  return ["last-event-id", Buffer.from(lastEventId).toString("latin1")];
}

/**
 * True when an answer says that the server has lost the session: 404 (MCP 2025-11-25 transports §Session Management);
 * servers on the SDK's older transports answer 400 instead.
 *
 * @param answer the JSON it came with; undefined for none
 */
export function saysSessionLost(status: number, answer: Buffer | undefined): boolean {
  if (status === 404) return true;
  if (status !== 400 || !answer) return false;
  return /session|not initialized/i.test(answer.toString("utf8"));
}
