import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { startOwnRedis, type OwnRedis } from "./engine-redis.ts";
import { ERRORS, META, PARAMS, PROGRESS, RESULTS } from "./lossless/corpus.ts";
import { SPLICES, type Cell, type Splice } from "./lossless/splices.ts";
import { SERVER, startBench, type Bench, type UpstreamHandler } from "./worker-bench.ts";

type Agent = "legacy" | "modern" | "REST";
type Era = "legacy" | "modern";
const CELLS = (["legacy", "modern", "REST"] as const).flatMap((agent) =>
  (["legacy", "modern"] as const).map((era) => ({ agent, era })),
);

/** White space that no writer would choose, so that a message written anew is noticed. */
const WIDE = " \t";
const ENVELOPE =
  '"io.modelcontextprotocol/protocolVersion" : "2026-07-28","io.modelcontextprotocol/clientCapabilities":{"x-odd" : 1},' +
  '"io.modelcontextprotocol/clientInfo" : {"version":"1" ,"name":"a"}, "io.modelcontextprotocol/logLevel" : "\\u0064ebug"';
/** An id as no writer would write it. */
const ID = '"a\\u002d1"';

let engine: OwnRedis;
let bench: Bench | undefined;
/** What the server answers next: the whole answer, but for its id. */
let answer = "";
let notification = "";

beforeAll(async () => {
  engine = await startOwnRedis();
}, 120_000);

afterAll(() => engine.stop());

afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

/** A server of an era that answers in the very bytes it is told to. */
function serverOf(era: Era): UpstreamHandler {
  return (message, response, request) => {
    const id = JSON.stringify(message.id ?? null);
    const { method = "" } = message;
    const reply = (status: number, body: string): void => {
      const session = method === "initialize" ? { "mcp-session-id": "s-1" } : {};
      response.writeHead(status, { "content-type": "application/json", ...session }).end(body);
    };
    if (request.method !== "POST") response.writeHead(405).end();
    else if (message.id === undefined) response.writeHead(202).end();
    else if (method === "initialize" && era === "legacy")
      reply(
        200,
        `{"jsonrpc":"2.0","id":${id},"result":{"protocolVersion":"2025-11-25","capabilities":{"logging":{}},"serverInfo":{"name":"s","version":"1"}}}`,
      );
    else if (method === "server/discover" && era === "modern")
      reply(
        200,
        `{"jsonrpc":"2.0","id":${id},"result":{"supportedVersions":["2026-07-28"],"capabilities":{},"resultType":"complete","ttlMs":0,"cacheScope":"private"}}`,
      );
    else if (method === "initialize" || method === "server/discover")
      reply(400, `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"no such method"}}`);
    else if (message.id === "list")
      reply(200, `{"jsonrpc":"2.0","id":"list","result":{"tools":[]}}`);
    else if (message.id === "level") reply(200, `{"jsonrpc":"2.0","id":"level","result":{}}`);
    else if (notification === "") reply(200, answer.replace("ID", id));
    else {
      const { progressToken } = (message.params?.["_meta"] ?? {}) as { progressToken?: unknown };
      response.writeHead(200, { "content-type": "text/event-stream" });
      const told = notification.replace("TOKEN", JSON.stringify(progressToken));
      response.end(`data: ${told}\n\ndata: ${answer.replace("ID", id)}\n\n`);
    }
  };
}

function start(era: Era): Promise<Bench> {
  return startBench({
    redisUrl: engine.url,
    upstream: serverOf(era),
    // All of this file calls with one key.
    env: { GWO_RATE_LIMIT_ENABLED: "false" },
  });
}

type Sent = { readonly atServer: string; readonly atAgent: string; readonly sent: string };

/**
 * Sends params through a cell; the last message at the server, and what the agent got.
 *
 * @param session of a legacy agent; one of its own when absent
 */
async function carry(
  agent: Agent,
  era: Era,
  params: (typeof PARAMS)[string],
  session?: string,
): Promise<Sent> {
  bench ??= await start(era);
  const meta = `${META}, "progressToken" : "tok-1"`;
  const { method, name } = params;
  if (agent === "REST") {
    const target = method === "tools/call" ? `"tool" : "${name}"` : `"name":"${name}"`;
    const given =
      method === "tools/list" ? '"cursor" : ""' : `${target},"arguments" : ${params.args ?? "{}"}`;
    const sent = `{ ${given}, "_meta" :{${meta}}}`;
    const path = `/v1/mcp/${SERVER}/${method}`;
    const response = await bench.post(sent, {
      path,
      headers: { accept: notification === "" ? "*/*" : "text/event-stream" },
    });
    return { sent, atAgent: await response.text(), atServer: lastCall(bench) };
  }
  const envelope = agent === "modern" ? `, ${ENVELOPE}` : "";
  const sent =
    `{${WIDE}"x-before":1.0,"jsonrpc" : "2.0", "id":${ID},${WIDE}"method":${JSON.stringify(method)},` +
    `"params" : { ${params.members}, "_meta" :{${meta}${envelope}} }${WIDE}}`;
  const headers: Record<string, string> =
    agent === "modern"
      ? {
          "mcp-protocol-version": "2026-07-28",
          "mcp-method": method,
          ...(name === "" ? {} : { "mcp-name": name }),
        }
      : { "mcp-session-id": session ?? (await sessionOf(bench)) };
  const response = await bench.post(sent, { headers });
  const atAgent = await response.text();
  return { sent, atAgent, atServer: lastCall(bench) };
}

/** The last message that came from an agent: the gateway lists tools for itself meanwhile. */
function lastCall({ received }: Bench): string {
  return received.findLast(({ body }) => body.includes("vendor.example/trace"))?.body ?? "";
}

async function sessionOf({ post }: Bench): Promise<string> {
  const params = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "a", version: "1" },
  };
  const hello = await post({ jsonrpc: "2.0", id: 0, method: "initialize", params });
  await hello.text();
  return hello.headers.get("mcp-session-id") ?? "";
}

/**
 * Takes the members that may be spliced out of a message, with the comma before or after them.
 *
 * @param original the message before it was carried: what it says itself must not be changed where the list says "added"
 */
function without(text: string, cell: Cell, direction: Splice["direction"], original = ""): string {
  return SPLICES.filter((one) => one.cell === cell && one.direction === direction)
    .map(({ member }) => member.replace(/^(params|result|error)\.(_meta\.)?/, ""))
    .filter((name) => !ADDED.has(name) || !original.includes(`"${name}"`))
    .reduce((now, name) => (name === "code" ? withoutNotFound(now) : dropped(now, name)), text);
}

/** JSON of the first member of a name, as it stands in a message; empty for none. */
function textIn(text: string, name: string): string {
  return new RegExp(String.raw`"${name}"\s*:\s*(${VALUE})`).exec(text)?.[1] ?? "";
}

const ADDED: ReadonlySet<string> = new Set(["resultType", "ttlMs", "cacheScope"]);

function withoutNotFound(text: string): string {
  return text.replace(/("code" ?: ?)-32[06]02/, "$1");
}

const VALUE = String.raw`(?:"(?:[^"\\]|\\.)*"|\{[^{}]*\}|[^,{}\s]+)`;

function dropped(text: string, name: string): string {
  const member = String.raw`"${name.replaceAll(/[./]/g, "\\$&")}"\s*:\s*${VALUE}`;
  // Only of the message, params, `_meta` and result: what stands in the corpus has other names.
  return text
    .replaceAll(new RegExp(String.raw`,\s*${member}`, "g"), "")
    .replaceAll(new RegExp(String.raw`${member}\s*,?\s*`, "g"), "")
    .replaceAll(/,?\s*"_meta"\s*:\s*\{\s*\}/g, "");
}

describe.each(CELLS)("a message of a $agent agent to a $era server", ({ agent, era }) => {
  const cell: Cell = `${agent} → ${era}`;

  it.each(Object.keys(PARAMS))("keeps every byte of %s but the listed splices", async (what) => {
    answer = '{"jsonrpc":"2.0","id":ID,"result":{}}';
    notification = "";
    const { sent, atServer } = await carry(agent, era, PARAMS[what]!);
    if (agent === era) expect(atServer).toBe(sent);
    else if (agent === "REST") {
      // The façade's body is another document: what it says is passed on value by value.
      const { args = '"cursor":""' } = PARAMS[what]!;
      for (const piece of [META, args]) expect(atServer).toContain(piece);
    } else expect(without(atServer, cell, "to server")).toBe(without(sent, cell, "to server"));
  });

  it.each(Object.keys(RESULTS))("brings back every byte of %s", async (what) => {
    answer = `{ "x-first" : 1.0,"result" :{${RESULTS[what]!}} ,"id":ID, "jsonrpc":"2.0"${WIDE}}`;
    notification = "";
    const asked = what.startsWith("tools") ? "a list" : "a tool call";
    const { atAgent } = await carry(agent, era, PARAMS[asked]!);
    if (agent === "REST") expect(atAgent).toContain(`{"result":{${RESULTS[what]!}},"metadata":`);
    else if (agent === era) expect(atAgent).toBe(answer.replace("ID", '"a-1"'));
    else {
      expect(textIn(atAgent, "id")).toBe(ID);
      expect(without(atAgent, cell, "to agent", answer)).toBe(
        without(answer, cell, "to agent", answer),
      );
    }
  });

  if (agent !== "REST")
    it.each(Object.keys(ERRORS))("brings back every byte of an error with %s", async (what) => {
      answer = `{"jsonrpc" : "2.0","error" : ${ERRORS[what]!},"id":ID }`;
      notification = "";
      const { atAgent } = await carry(agent, era, PARAMS["a tool call"]!);
      if (agent === era) expect(atAgent).toBe(answer.replace("ID", '"a-1"'));
      else {
        expect(textIn(atAgent, "id")).toBe(ID);
        expect(without(atAgent, cell, "to agent", answer)).toBe(
          without(answer, cell, "to agent", answer),
        );
      }
    });

  if (agent !== "REST")
    it.each(Object.keys(ERRORS))("tells %s as the agent's era has it", async (what) => {
      const error = ERRORS[what]!;
      answer = `{"jsonrpc" : "2.0","error" : ${error},"id":ID }`;
      notification = "";
      const { atAgent } = await carry(agent, era, PARAMS["a tool call"]!);
      const code = textIn(error, "code");
      const isOld = cell === "modern → legacy" && code === "-32002";
      expect(textIn(atAgent, "code")).toBe(isOld ? "-32602" : code);
    });

  it("brings back every byte of a notification", async () => {
    answer = '{"jsonrpc":"2.0","id":ID,"result":{}}';
    notification = `{"jsonrpc":"2.0" ,"method":"notifications/progress","params" :{${PROGRESS}} }`;
    const { atAgent } = await carry(agent, era, PARAMS["a tool call"]!);
    expect(atAgent).toContain(`data: ${notification.replace("TOKEN", '"tok-1"')}\n`);
  });
});

describe("the log level of an agent", () => {
  const level = {
    method: "logging/setLevel",
    name: "",
    members: `"level" : "\\u0077arning", "x-odd" : 1.0`,
  };
  const setLevels = (): string[] =>
    bench!.received.map(({ body }) => body).filter((body) => body.includes("logging/setLevel"));

  it("goes on in its own bytes within the legacy era", async () => {
    answer = '{"jsonrpc":"2.0","id":ID,"result" : {"x-odd":1.0}}';
    notification = "";
    const { sent, atServer, atAgent } = await carry("legacy", "legacy", level);
    expect(setLevels()).toEqual([sent]);
    expect(atServer).toBe(sent);
    expect(atAgent).toBe(answer.replace("ID", '"a-1"'));
  });

  it("is taken by the gateway before a modern server, which hears of it with each later request", async () => {
    answer = '{"jsonrpc":"2.0","id":ID,"result":{}}';
    notification = "";
    bench = await start("modern");
    const session = await sessionOf(bench);
    const { atAgent } = await carry("legacy", "modern", level, session);
    expect(atAgent).toBe(`{"jsonrpc":"2.0","id":${ID},"result":{}}`);
    const { sent, atServer } = await carry("legacy", "modern", PARAMS["a tool call"]!, session);
    expect(setLevels()).toEqual([]);
    expect(atServer).toContain('"io.modelcontextprotocol/logLevel":"warning"');
    const cell = "legacy → modern";
    expect(without(atServer, cell, "to server")).toBe(without(sent, cell, "to server"));
  });

  it("is said to a legacy server once for the session, for agents of the modern era", async () => {
    answer = '{"jsonrpc":"2.0","id":ID,"result":{}}';
    notification = "";
    for (let call = 0; call < 2; call++) {
      const { atServer } = await carry("modern", "legacy", PARAMS["a tool call"]!);
      expect(atServer).not.toContain("logLevel");
    }
    expect(setLevels().map((body) => JSON.parse(body) as unknown)).toEqual([
      { jsonrpc: "2.0", id: "level", method: "logging/setLevel", params: { level: "debug" } },
    ]);
  });
});

describe("docs/mcp.md", () => {
  it("lists the splices that the corpus allows, and no other", () => {
    const text = readFileSync(new URL("../../docs/mcp.md", import.meta.url), "utf8");
    const rows = [...text.matchAll(/^\| (\w+ → \w+) +\| (to \w+) +\| `([^`]+)` /gm)].map(
      ([, cell, direction, member]) => `${cell ?? ""} ${direction ?? ""} ${member ?? ""}`,
    );
    expect(rows.sort()).toEqual(
      SPLICES.map(({ cell, direction, member }) => `${cell} ${direction} ${member}`).sort(),
    );
  });
});
