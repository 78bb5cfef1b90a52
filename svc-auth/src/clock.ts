/** Where time and ids come from. */
export type Clock = {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: () => number;
  /** A new UUID in text form that sorts by age (version 7). */
  readonly newId: () => string;
};
