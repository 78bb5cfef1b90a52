/** How a dead process is started again. */
export type RestartPolicy = {
  /** Milliseconds before the second try in a row; doubled for each further one. The first is at once. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** A process that was up for so long had started well: what came before is forgotten. */
  readonly settledMs: number;
  /** Tries in a row after which it is given up. */
  readonly maxTries: number;
};

export const RESTART_POLICY: RestartPolicy = {
  firstDelayMs: 1_000,
  maxDelayMs: 30_000,
  settledMs: 3_000,
  maxTries: 8,
};

export type RestartDecision =
  | { readonly kind: "restart"; readonly tries: number; readonly delayMs: number }
  | { readonly kind: "give up"; readonly tries: number };

/**
 * What to do about a process that ended.
 *
 * @param upMs how long it was up; 0 when it never was
 * @param tries restarts in a row before it
 */
export function decideRestart(
  policy: RestartPolicy,
  ended: { readonly upMs: number; readonly tries: number },
): RestartDecision {
  const before = ended.upMs >= policy.settledMs ? 0 : ended.tries;
  if (before >= policy.maxTries) return { kind: "give up", tries: before };
  const delayMs =
    before === 0 ? 0 : Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (before - 1));
  return { kind: "restart", tries: before + 1, delayMs };
}
