import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** The running stack, as `gwo up` describes it in stack.json. */
export type Stack = {
  readonly gatewayUrl: string;
  readonly grpcUrl: string;
  readonly consoleUrl: string;
  readonly apiKey: string;
  readonly orgId: string;
  readonly teamId: string;
  readonly admin: { readonly email: string; readonly password: string };
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly clickhouseUrl: string;
  readonly processes: readonly {
    readonly name: string;
    readonly pid: number;
    readonly url: string;
  }[];
};

/** Names the file that describes the stack under test: set by the global set-up, or by who runs the tests. */
export const STACK_VARIABLE = "GWO_STACK";

export function readStack(): Stack {
  const file = process.env[STACK_VARIABLE];
  if (file === undefined || file === "")
    throw new Error(`${STACK_VARIABLE} must name the stack.json of a running stack.`);
  return JSON.parse(readFileSync(file, "utf8")) as Stack;
}

/** URL of a process of the stack, for example of the MCP server behind "everything". */
export function urlOf(stack: Stack, name: string): string {
  const url = stack.processes.find((candidate) => candidate.name === name)?.url;
  if (url === undefined || url === "") throw new Error(`The stack runs no ${name}.`);
  return url;
}

/** MCP endpoint of a server behind the gateway. */
export function mcpUrl(stack: Stack, server: string): URL {
  return new URL(`/v1/mcp/${server}`, stack.gatewayUrl);
}

/** An answer of any HTTP face, read to its end. */
export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body parsed as JSON; undefined when it is none. */
  readonly json: unknown;
};

/** Sends a request and reads the answer. An object as the body is sent as JSON. */
export async function send(
  url: string | URL,
  options: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: object | string;
  } = {},
): Promise<Answer> {
  const { body } = options;
  const response = await fetch(url, {
    method: options.method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    },
    redirect: "manual",
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

export function bearer(key: string): { authorization: string } {
  return { authorization: `Bearer ${key}` };
}

/** Calls a tool through the REST façade. */
export function callTool(
  stack: Stack,
  key: string,
  call: { server: string; tool: string; arguments: object },
): Promise<Answer> {
  return send(`${stack.gatewayUrl}/v1/mcp/${call.server}/tools/call`, {
    headers: bearer(key),
    body: { tool: call.tool, arguments: call.arguments },
  });
}

/**
 * Waits until the probe answers something, and returns that. Polls; a probe that throws or rejects is asked again, and its
 * last error is the cause when the time is up.
 */
export async function waitFor<T>(
  what: string,
  deadlineMs: number,
  probe: () => T | undefined | Promise<T | undefined>,
  pollMs = 20,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    let cause: unknown;
    try {
      const found = await probe();
      if (found !== undefined) return found;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline)
      throw new Error(`${what}: not so after ${String(deadlineMs)} ms`, { cause });
    await delay(pollMs);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // HTML, an event stream, or nothing: the caller looks at the text
  }
}
