import { createServer, type AddressInfo, type Socket } from "node:net";
import { FAULTS, type FaultName } from "./faults.ts";
import { json, onRequests, sse, sseEvent, sseHead, type WireRequest } from "./wire.ts";

/** Where in the life of a call a server misbehaves. */
export const STAGES = {
  probe: "server/discover",
  initialize: "initialize",
  initialized: "notifications/initialized",
  list: "tools/list",
  call: "tools/call",
  listen: "subscriptions/listen",
  answer: "an elicitation's answer",
  stream: "GET",
  end: "DELETE",
} as const;

export type Stage = keyof typeof STAGES;
export type Era = "legacy" | "modern";

export type FaultyUpstream = {
  /** URL of a server of an era that does one thing wrong at one stage. */
  url(era: Era, stage: Stage, fault: FaultName | "none"): string;
  /** Connections that are open. */
  readonly connections: number;
  close(): Promise<void>;
};

type Message = { id?: unknown; method?: string; params?: { name?: string } };

const RESULTS: Readonly<Record<string, string>> = {
  initialize:
    '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"faulty","version":"1"}}',
  "server/discover":
    '{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete","ttlMs":0,"cacheScope":"private"}',
  "tools/list":
    '{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"work","inputSchema":{"type":"object"}}]}',
  "tools/call": '{"resultType":"complete","content":[]}',
  "subscriptions/listen": '{"resultType":"complete"}',
};
const UNKNOWN = '"error":{"code":-32601,"message":"no such method"}';

/** A server on bare sockets whose path says what it does wrong: /era/stage/fault. */
export async function startFaultyUpstream(): Promise<FaultyUpstream> {
  const sockets = new Set<Socket>();
  /** Calls that wait for an elicitation's answer, by session. */
  const asking = new Map<string, { socket: Socket; id: string }>();
  let sessions = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    onRequests(socket, (request) => {
      serve(socket, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (era, stage, fault) =>
      `http://127.0.0.1:${port}/${era}/${stage}/${encodeURIComponent(fault)}`,
    get connections() {
      return sockets.size;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  function serve(socket: Socket, request: WireRequest): void {
    const [, era, stage, name = ""] = request.path.split("/").map(decodeURIComponent);
    const message = (request.body === "" ? {} : JSON.parse(request.body)) as Message;
    const id = JSON.stringify(message.id ?? null);
    const method = message.method ?? (request.method === "POST" ? STAGES.answer : request.method);
    if (method === STAGES[stage as Stage] && name !== "none") {
      FAULTS[name as FaultName].answer({ socket, id, result: RESULTS[method] ?? "{}" });
      return;
    }
    answer(socket, request, { era: era as Era, method, id, message });
  }

  function answer(
    socket: Socket,
    { headers }: WireRequest,
    { era, method, id, message }: { era: Era; method: string; id: string; message: Message },
  ): void {
    const session = headers.get("mcp-session-id") ?? "";
    if (method === "GET") json(socket, "", "405 No Stream");
    else if (method === "DELETE") json(socket, "");
    else if (method === STAGES.answer) {
      json(socket, "", "202 Accepted");
      const call = asking.get(session);
      asking.delete(session);
      if (!call) return;
      sseEvent(call.socket, `{"jsonrpc":"2.0","id":${call.id},"result":${RESULTS["tools/call"]!}}`);
      call.socket.write("0\r\n\r\n");
    } else if (message.id === undefined) json(socket, "", "202 Accepted");
    else if (message.params?.name === "ask") {
      sseHead(socket);
      asking.set(session, { socket, id });
      sseEvent(
        socket,
        '{"jsonrpc":"2.0","id":"e-1","method":"elicitation/create","params":{"message":"?"}}',
      );
    } else if (method === (era === "legacy" ? "server/discover" : "initialize"))
      json(socket, `{"jsonrpc":"2.0","id":${id},${UNKNOWN}}`, "400 Bad Request");
    else if (method === "subscriptions/listen")
      sse(socket, [
        `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{}}}`,
        `{"jsonrpc":"2.0","id":${id},"result":${RESULTS[method]!}}`,
      ]);
    else
      json(
        socket,
        `{"jsonrpc":"2.0","id":${id},"result":${RESULTS[method] ?? "{}"}}`,
        "200 OK",
        method === "initialize" ? `mcp-session-id: s-${++sessions}\r\n` : "",
      );
  }
}
