import type { AddressInfo } from "node:net";
import { jest } from "@jest/globals";
import { createLogger } from "@gatewayops/platform/log";
import { createBridge } from "../src/bridge/bridge.ts";
import type { StdioServer } from "../src/bridge/stdio-process.ts";
import { createAddressGuard } from "../src/upstream/address-guard.ts";
import { BRIDGE_SECRET_HEADER } from "../src/upstream/registry.ts";
import { createEventReader } from "./sse-events.ts";

export const SECRET = "the secret of the bridge";

/** A bridge in the test's own process. */
export type Bridge = {
  readonly url: string;
  /** Lines it logged, parsed. */
  readonly lines: readonly Record<string, unknown>[];
  setNow(now: number): void;
  /** Ends what is idle, as it does by itself every 10 s. */
  sweep(): void;
  stop(): Promise<void>;
};

/** Starts a bridge on a free port. Its clock stands still at 1,000,000 until it is set. */
export async function startBridge(
  servers: readonly StdioServer[],
  mayConnect = createAddressGuard(false),
): Promise<Bridge> {
  let now = 1_000_000;
  const lines: Record<string, unknown>[] = [];
  // The sweeper is the bridge's only interval: the test runs it when it likes.
  const interval = jest.spyOn(globalThis, "setInterval");
  const bridge = createBridge({
    servers,
    secret: SECRET,
    mayConnect,
    env: { PATH: process.env["PATH"] ?? "" },
    log: createLogger({
      service: "test",
      level: "debug",
      format: "json",
      maskSensitive: false,
      write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
    }),
    now: () => now,
  });
  const sweep = interval.mock.calls[0]![0];
  interval.mockRestore();
  await new Promise<void>((resolve) => bridge.server.listen(0, "127.0.0.1", resolve));
  const { port } = bridge.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    lines,
    setNow: (value) => {
      now = value;
    },
    sweep,
    async stop() {
      bridge.close();
      bridge.server.closeAllConnections();
      await new Promise((resolve) => bridge.server.close(resolve));
    },
  };
}

export type SendOptions = {
  readonly session?: string;
  readonly org?: string;
  readonly secret?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
};

export function bridgeHeaders(options: SendOptions = {}): Record<string, string> {
  return {
    "content-type": "application/json",
    "x-gwo-org": options.org ?? "org-1",
    [BRIDGE_SECRET_HEADER]: options.secret ?? SECRET,
    ...(options.session === undefined ? {} : { "mcp-session-id": options.session }),
    ...options.headers,
  };
}

/** Sends a message to a path of the bridge and returns the answer before its body is read. */
export function post(url: string, message: unknown, options: SendOptions = {}): Promise<Response> {
  return fetch(url, {
    method: options.method ?? "POST",
    headers: bridgeHeaders(options),
    ...(options.signal && { signal: options.signal }),
    ...(message === undefined
      ? {}
      : { body: typeof message === "string" ? message : JSON.stringify(message) }),
  });
}

export type Sent = {
  readonly status: number;
  readonly session: string;
  readonly text: string;
  json(): Record<string, unknown>;
};

/** Sends a message and reads the whole answer. */
export async function send(
  url: string,
  message: unknown,
  options: SendOptions = {},
): Promise<Sent> {
  const response = await post(url, message, options);
  const text = await response.text();
  return {
    status: response.status,
    session: response.headers.get("mcp-session-id") ?? "",
    text,
    json: () => JSON.parse(text) as Record<string, unknown>,
  };
}

/** The messages of an event stream, one after the other. */
export async function* messagesOf(response: Response): AsyncGenerator<string> {
  const found: string[] = [];
  const readEvents = createEventReader((data) => found.push(data));
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    readEvents(decoder.decode(chunk, { stream: true }));
    yield* found.splice(0);
  }
}

/** A request of the legacy era. */
export const ask = (method: string, id: unknown = 1, params?: object): object => ({
  jsonrpc: "2.0",
  id,
  method,
  ...(params ? { params } : {}),
});

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // no such process
  }
}
