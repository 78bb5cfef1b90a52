/**
 * How a session of an agent is served: "relay" is one session of the MCP server behind it, "translated" has a server of
 * the modern era behind it, "aggregated" all servers that the agent may use.
 */
export type SessionKind = "relay" | "translated" | "aggregated";

/** What any worker must know to serve a session of the legacy era. */
export type SessionState = {
  readonly kind: SessionKind;
  readonly orgId: string;
  readonly keyId: string;
  /** Name of the server in paths; empty for the aggregated one. */
  readonly server: string;
  /** The server's own session id; empty when it gave none, or there is no single server. */
  readonly upstreamSession: string;
  /** Name of the server's endpoint that has that session; absent or empty where there is only one. */
  readonly endpoint?: string;
  /** Protocol version that was agreed on. */
  readonly version: string;
  /** JSON of the params the agent sent with `initialize`: what it can do, and who it says it is. */
  readonly initializeParams: string;
  /** What `logging/setLevel` asked for; empty for nothing. */
  readonly logLevel: string;
  /** URIs the agent subscribed to. */
  readonly subscriptions: readonly string[];
  /** Replica whose bridge runs the server behind the session; empty when any replica reaches it. */
  readonly bridgeReplica: string;
};

/** A session that nobody used until its time was up, taken out of the store. */
export type ExpiredSession = { readonly id: string; readonly state: SessionState };

/**
 * Sessions by id, shared by all gateways. Ids are unguessable and checked before the store is asked; an organisation's
 * own id stands in the state and is compared by who reads it.
 */
export type SessionStore = {
  /** Keeps a new session for `ttlMs` from now. */
  put(id: string, state: SessionState, ttlMs: number): Promise<void>;
  get(id: string): Promise<SessionState | undefined>;
  /** Says that the session was used: it lasts `ttlMs` from now. */
  touch(id: string, ttlMs: number): Promise<void>;
  /**
   * Replaces the state if it still is what was read.
   *
   * @returns false when it is not, or the session has ended
   */
  replace(id: string, before: SessionState, after: SessionState): Promise<boolean>;
  /** Ends a session. @returns false when there was none */
  remove(id: string): Promise<boolean>;
  /** Takes out at most `limit` sessions whose time is up. Each is given to one caller only. */
  takeExpired(limit: number): Promise<ExpiredSession[]>;
};
