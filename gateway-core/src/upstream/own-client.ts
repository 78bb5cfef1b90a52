import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "@gatewayops/platform/errors";
import { jsonTextOf, membersOf } from "../mcp/json-members.ts";
import { failureOfDispatch, wasNeverSent } from "./dispatch-errors.ts";
import { readAnswer, type RawAnswer } from "./raw-answer.ts";
import type { Upstream } from "./upstream.ts";

/** One request: params are JSON text, forwarded as it is. */
export type OwnRequest = {
  readonly method: string;
  /** JSON of the params object, "{}" when there are none. */
  readonly paramsJson: string;
  /** What `Mcp-Name` must say for the modern era; empty when the method names nothing. */
  readonly target: string;
  /** True when sending twice does no harm. */
  readonly isSafe: boolean;
  /** Told each time the request is sent. */
  readonly onAttempt?: () => void;
  /** `traceparent` for the server; empty for none. */
  readonly traceparent: string;
};

/**
 * The gateway as an MCP client, for faces that are not MCP: it opens sessions with legacy servers as they are needed,
 * one per server and owner, opens a new one when the server has lost it, and closes those that are idle.
 */
export type OwnClient = {
  /**
   * @param owner whose session is used; sessions are never shared between owners
   * @throws Failure when the server cannot be reached, is too slow, or does not answer in MCP
   */
  request(upstream: Upstream, owner: string, request: OwnRequest): Promise<RawAnswer>;
  /** Ends the session of an owner, if there is one. */
  end(upstream: Upstream, owner: string): Promise<void>;
  close(): Promise<void>;
};

export type OwnClientOptions = {
  readonly now: () => number;
  /** How often a request that is safe to repeat is sent again: `mcp_servers.max_retries`. */
  readonly maxRetries: number;
};

type Session = {
  readonly upstream: Upstream;
  readonly era: "legacy" | "modern";
  /** Empty: the server gave none. */
  readonly id: string;
  readonly version: string;
  usedAt: number;
};

const LEGACY_VERSION = "2025-11-25";
const MODERN_VERSION = "2026-07-28";
const CLIENT_INFO = { name: "gatewayops", version: "0.1.0" };
/** What a server without the legacy era answers to `initialize`: unknown method, missing envelope, unknown version. */
const MODERN_ONLY_CODES: ReadonlySet<number> = new Set([-32601, -32602, -32020, -32022]);
const IDLE_MS = 5 * 60_000;
const SWEEP_MS = 30_000;
const SESSIONS_MAX = 5_000;

export function createOwnClient(options: OwnClientOptions): OwnClient {
  const sessions = new Map<string, Promise<Session>>();
  let lastId = 0;
  const sweeper = setInterval(() => void sweep(), SWEEP_MS);
  sweeper.unref();

  return {
    async request(upstream, owner, request) {
      const key = `${upstream.idText} ${owner}`;
      const session = await sessionOf(key, upstream);
      const answer = await send(session, request);
      if (!isSessionLost(answer, session)) return answer;
      // A server that lost the session refused the request without running it: asking again is safe.
      sessions.delete(key);
      return send(await sessionOf(key, upstream), request);
    },
    async end(upstream, owner) {
      const key = `${upstream.idText} ${owner}`;
      const session = await sessions.get(key)?.catch(() => undefined);
      sessions.delete(key);
      if (session) await hangUp(session);
    },
    async close() {
      clearInterval(sweeper);
      const open = await Promise.allSettled([...sessions.values()]);
      sessions.clear();
      await Promise.allSettled(
        open.flatMap((one) => (one.status === "fulfilled" ? [hangUp(one.value)] : [])),
      );
    },
  };

  async function sessionOf(key: string, upstream: Upstream): Promise<Session> {
    let opening = sessions.get(key);
    if (!opening) {
      if (sessions.size >= SESSIONS_MAX)
        throw new Failure("OVERLOADED", "Too many sessions are open. Try again later.", {
          retryAfterMs: 30_000,
        });
      opening = open(upstream);
      sessions.set(key, opening);
      opening.catch(() => sessions.delete(key));
    }
    const session = await opening;
    session.usedAt = options.now();
    return session;
  }

  async function open(upstream: Upstream): Promise<Session> {
    const hello = `{"jsonrpc":"2.0","id":${++lastId},"method":"initialize","params":${JSON.stringify(
      {
        protocolVersion: LEGACY_VERSION,
        capabilities: {},
        clientInfo: CLIENT_INFO,
      },
    )}}`;
    const answer = await post(upstream, hello, []);
    if (answer.kind === "error" && !MODERN_ONLY_CODES.has(answer.rpcCode))
      throw new Failure(
        "UPSTREAM_HTTP_ERROR",
        `The MCP server ${upstream.name} refused to begin a session (JSON-RPC code ${answer.rpcCode}).`,
      );
    if (answer.kind === "error")
      return { upstream, era: "modern", id: "", version: MODERN_VERSION, usedAt: options.now() };
    const result = (
      JSON.parse(answer.body.toString("utf8")) as { result?: { protocolVersion?: string } }
    ).result;
    const session: Session = {
      upstream,
      era: "legacy",
      id: answer.sessionId,
      version: result?.protocolVersion ?? LEGACY_VERSION,
      usedAt: options.now(),
    };
    await post(
      upstream,
      '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      headersOf(session),
    );
    return session;
  }

  async function send(session: Session, request: OwnRequest): Promise<RawAnswer> {
    const id = ++lastId;
    const params = session.era === "modern" ? withEnvelope(request.paramsJson) : request.paramsJson;
    const body = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(request.method)},"params":${params}}`;
    const headers = headersOf(session);
    if (session.era === "modern") {
      headers.push("mcp-method", request.method);
      if (request.target !== "") headers.push("mcp-name", mcpNameOf(request.target));
    }
    if (request.traceparent !== "") headers.push("traceparent", request.traceparent);
    for (let retries = 0; ; retries++) {
      try {
        request.onAttempt?.();
        return await post(session.upstream, body, headers);
      } catch (error) {
        if (retries >= options.maxRetries || !isRepeatable(error, request)) throw error;
        await delay(25 * 2 ** retries);
      }
    }
  }

  async function sweep(): Promise<void> {
    const oldest = options.now() - IDLE_MS;
    for (const [key, opening] of sessions) {
      const session = await opening.catch(() => undefined);
      if (!session || session.usedAt > oldest) continue;
      sessions.delete(key);
      await hangUp(session);
    }
  }
}

/** True when a request that failed may be sent again: it only reads, or it never arrived. */
function isRepeatable(error: unknown, request: OwnRequest): boolean {
  if (!(error instanceof Failure) || error.reason === "UPSTREAM_TIMEOUT") return false;
  return request.isSafe || (error.cause instanceof Error && wasNeverSent(error.cause));
}

async function post(
  upstream: Upstream,
  body: string,
  headers: readonly string[],
): Promise<RawAnswer> {
  try {
    const response = await upstream.pool.request({
      method: "POST",
      path: upstream.path,
      headers: [
        ...upstream.headers,
        "content-type",
        "application/json",
        "accept",
        "application/json, text/event-stream",
        ...headers,
      ],
      body,
      headersTimeout: upstream.timeoutMs,
      bodyTimeout: upstream.timeoutMs,
    });
    return await readAnswer(response, upstream.name);
  } catch (error) {
    throw error instanceof Failure ? error : failureOfDispatch(error as Error, upstream);
  }
}

async function hangUp(session: Session): Promise<void> {
  if (session.id === "") return;
  const { upstream } = session;
  try {
    const response = await upstream.pool.request({
      method: "DELETE",
      path: upstream.path,
      headers: [...upstream.headers, ...headersOf(session)],
      headersTimeout: 2_000,
      bodyTimeout: 2_000,
    });
    await response.body.dump();
  } catch {
    // The server ends forgotten sessions itself, or is gone.
  }
}

function headersOf(session: Session): string[] {
  const headers = ["mcp-protocol-version", session.version];
  if (session.id !== "") headers.push("mcp-session-id", session.id);
  return headers;
}

/** 404 says so (MCP 2025-11-25 transports); servers on the SDK's older transports answer 400 instead. */
function isSessionLost(answer: RawAnswer, session: Session): boolean {
  return (
    session.id !== "" &&
    (answer.status === 404 ||
      (answer.status === 400 &&
        answer.kind === "error" &&
        /session/i.test(answer.body.toString("utf8"))))
  );
}

/** Params with the modern envelope. What the caller gave in `_meta` stays, in its own bytes. */
function withEnvelope(paramsJson: string): string {
  const json = Buffer.from(paramsJson);
  const members = membersOf(jsonTextOf(json)).map(({ key, start, end }) => ({
    key,
    value: json.subarray(start, end),
  }));
  const given = members.find(({ key }) => key === "_meta")?.value ?? Buffer.from("{}");
  const meta = [
    ...membersOf(jsonTextOf(given))
      .filter(({ key }) => !(key in ENVELOPE))
      .map(({ key, start, end }) => memberJson(key, given.toString("utf8", start, end))),
    ...Object.entries(ENVELOPE).map(([key, value]) => memberJson(key, JSON.stringify(value))),
  ];
  const others = members
    .filter(({ key }) => key !== "_meta")
    .map(({ key, value }) => memberJson(key, value.toString("utf8")));
  return `{${[...others, memberJson("_meta", `{${meta.join(",")}}`)].join(",")}}`;
}

const ENVELOPE: Readonly<Record<string, unknown>> = {
  "io.modelcontextprotocol/protocolVersion": MODERN_VERSION,
  "io.modelcontextprotocol/clientCapabilities": {},
  "io.modelcontextprotocol/clientInfo": CLIENT_INFO,
};

function memberJson(key: string, valueJson: string): string {
  return `${JSON.stringify(key)}:${valueJson}`;
}

/** Values that are no plain header text travel in base64 (MCP 2026-07-28 streamable-http §Encoding). */
function mcpNameOf(target: string): string {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(target) && !target.startsWith("=?base64?")
    ? target
    : `=?base64?${Buffer.from(target, "utf8").toString("base64")}?=`;
}
