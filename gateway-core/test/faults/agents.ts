import { eventDataOf } from "../sse-events.ts";
import type { Bench } from "../worker-bench.ts";
import type { Stage } from "./faulty-upstream.ts";

/** How an agent sees that something ended: well, with a reason, or by a broken connection. */
export type Seen = string;
export const CUT = "CUT";

export type Agent = "legacy" | "modern" | "REST";

/** Goes as far with a server as a stage needs, and says how the stage's own request ended. */
export async function goThrough(
  bench: Bench,
  agent: Agent,
  server: string,
  stage: Stage,
): Promise<Seen> {
  const path = `/v1/mcp/${server}`;
  switch (agent) {
    case "legacy":
      return asLegacy(bench, path, stage);
    case "modern":
      return asModern(bench, path, stage);
    case "REST":
      return asRest(bench, path, stage);
  }
}

async function asLegacy(bench: Bench, path: string, stage: Stage): Promise<Seen> {
  const hello = await bench.post(
    request("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: INFO }),
    { path },
  );
  const begun = await seenIn(hello);
  if (stage === "probe" || stage === "initialize" || begun.seen !== "ok") {
    await endSession(bench, path, hello);
    return begun.seen;
  }
  const headers = {
    "mcp-session-id": hello.headers.get("mcp-session-id") ?? "",
    "mcp-protocol-version": "2025-11-25",
  };
  const say = async (message: object): Promise<Seen> =>
    (await seenIn(await bench.post(message, { path, headers }))).seen;
  const initialized = await bench.post(INITIALIZED, { path, headers });
  let seen = await seenOfNotification(initialized);
  if (stage === "list") seen = await say(request("tools/list", {}));
  if (stage === "call") seen = await say(request("tools/call", { name: "work", arguments: {} }));
  const ended = await endSession(bench, path, hello);
  return stage === "end" ? ended : seen;
}

async function endSession(bench: Bench, path: string, hello: Response): Promise<Seen> {
  const session = hello.headers.get("mcp-session-id");
  if (session === null) return "ok";
  const response = await fetch(bench.url + path, {
    method: "DELETE",
    headers: { authorization: `Bearer ${bench.key}`, "mcp-session-id": session },
  });
  return (await seenIn(response)).seen;
}

async function asModern(bench: Bench, path: string, stage: Stage): Promise<Seen> {
  const isAsked = stage === "answer" || stage === "stream";
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": isAsked ? { elicitation: {} } : {},
  };
  const say = async (method: string, params: object): Promise<Read> => {
    const name = (params as { name?: string }).name;
    const headers = {
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(name === undefined ? {} : { "mcp-name": name }),
    };
    return seenIn(await bench.post(request(method, { ...params, _meta: meta }), { path, headers }));
  };
  if (stage === "list") return (await say("tools/list", {})).seen;
  if (stage === "listen") return (await say("subscriptions/listen", { notifications: {} })).seen;
  const call = { name: stage === "answer" ? "ask" : "work", arguments: {} };
  const first = await say("tools/call", call);
  if (first.result?.resultType !== "input_required") return first.seen;
  const [key = ""] = Object.keys(first.result.inputRequests ?? {});
  const second = await say("tools/call", {
    ...call,
    requestState: first.result.requestState,
    inputResponses: { [key]: { action: "accept", content: {} } },
  });
  return second.seen;
}

async function asRest(bench: Bench, path: string, stage: Stage): Promise<Seen> {
  const isList = stage === "list";
  const at = isList ? "/tools/list" : "/tools/call";
  const body = isList ? {} : { tool: "work", arguments: {} };
  const options = { path: path + at, headers: { accept: "application/json" } };
  return (await seenIn(await bench.post(body, options))).seen;
}

const INITIALIZED = { jsonrpc: "2.0", method: "notifications/initialized" };
const INFO = { name: "agent", version: "1" };

function request(method: string, params: object): object {
  return { jsonrpc: "2.0", id: "a-1", method, params };
}

type Answer = {
  id?: unknown;
  error?: { code?: unknown; reason?: string; data?: { reason?: string } };
  result?: { resultType?: string; requestState?: string; inputRequests?: object };
};
type Read = { readonly seen: Seen; readonly result?: Answer["result"] };

/** What is accepted has no answer to speak of: a body is passed on as it came, and nobody reads it. */
async function seenOfNotification(response: Response): Promise<Seen> {
  const isStream = response.headers.get("content-type") === "text/event-stream";
  if (isStream || !response.ok) return (await seenIn(response)).seen;
  await response.arrayBuffer();
  return "ok";
}

async function seenIn(response: Response): Promise<Read> {
  let text: string;
  try {
    text = await response.text();
  } catch {
    return { seen: CUT };
  }
  // What a broken server says may hold secrets, and is of no use to an agent.
  if (text.includes("hunter2")) return { seen: "LEAKED" };
  if (response.headers.get("location") !== null) return { seen: "REDIRECTED" };
  const isStream = response.headers.get("content-type") === "text/event-stream";
  const documents = isStream ? eventDataOf(text) : [text];
  const answers = documents
    .filter((one) => one !== "")
    .map((one) => JSON.parse(one) as Answer & { method?: unknown });
  const answer = answers.find((one) => one.method === undefined && one.id !== "another");
  if (answer?.error) {
    const reason = answer.error.data?.reason ?? answer.error.reason;
    return { seen: reason ?? `ERROR ${String(answer.error.code)}` };
  }
  // A message that is only accepted has no answer; a request always has.
  return answer?.result
    ? { seen: "ok", result: answer.result }
    : { seen: response.ok ? "ok" : `HTTP ${response.status}` };
}
