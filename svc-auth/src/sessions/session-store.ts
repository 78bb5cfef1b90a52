/** A signed-in person. */
export type Session = { readonly orgId: string; readonly userId: string };

/**
 * Sessions by the SHA-256 of their id, so that whoever reads the store cannot take one over. Fails with
 * AUTH_UNAVAILABLE when it is away.
 */
export type SessionStore = {
  create(hash: string, session: Session, ttlMs: number): Promise<void>;
  /** The session, which then lives for another `ttlMs`. Undefined when there is none. */
  touch(hash: string, ttlMs: number): Promise<Session | undefined>;
  /** Ends a session. An unknown one is no error. */
  remove(hash: string): Promise<void>;
};
