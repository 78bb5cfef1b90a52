/**
 * Counts failed sign-ins in windows of fixed length. Counters end with their window, and names are hashed, so what is
 * kept is bounded in size and time.
 */
export type SignInCounters = {
  /** Adds one to each counter; returns the counts, and the milliseconds until each window ends, in the same order. */
  add(names: readonly string[], windowMs: number): Promise<{ count: number; leftMs: number }[]>;
  clear(names: readonly string[]): Promise<void>;
};

/** Who tries to sign in. */
export type SignInAttempt = {
  readonly email: string;
  /** Network address. Empty: unknown. */
  readonly address: string;
};

/** Milliseconds of a window. */
export const WINDOW_MS = 15 * 60_000;

/**
 * Tries per window. Few for one address at one e-mail, which is guessing; more for an e-mail from anywhere, so that a
 * stranger elsewhere cannot easily lock its owner out; and for an address that tries many e-mails.
 */
const LIMITS = { pair: 10, email: 100, address: 100 };

export function countersOf(
  attempt: SignInAttempt,
): { readonly name: string; readonly limit: number }[] {
  const { email, address } = attempt;
  return [
    { name: `pair ${email} ${address}`, limit: LIMITS.pair },
    { name: `email ${email}`, limit: LIMITS.email },
    ...(address === "" ? [] : [{ name: `address ${address}`, limit: LIMITS.address }]),
  ];
}

/** The counter that only the person who signed in could have filled, to be cleared when it worked. */
export function clearedBy(attempt: SignInAttempt): string[] {
  return [`pair ${attempt.email} ${attempt.address}`];
}
