import type { Socket } from "node:net";
import { json, sse, type Answering } from "./wire.ts";

/** What the gateway makes of a fault: the reason it answers with, or that the call goes well all the same. */
export type Verdict = "ok" | `UPSTREAM_${string}`;

export type Fault = {
  /** Misbehaves in place of an answer. */
  readonly answer: (answering: Answering) => void;
  readonly verdict: Verdict;
  /** True when HTTP itself fails, so that even a message whose answer says nothing did not get through. */
  readonly isTransport?: true;
  /** True when bytes of an event are out before it breaks: an agent that is relayed to is cut off as well. */
  readonly cutsStream?: true;
  /** True for what is a fault of a request in a session alone: to a probe it says which era the server speaks. */
  readonly isOfSession?: true;
};

const PAGE = "<!doctype html><title>Sign in: hunter2</title>";

function raw(text: string): (answering: Answering) => void {
  return ({ socket }) => socket.end(text);
}

function page(status: string, headers = ""): (answering: Answering) => void {
  return raw(
    `HTTP/1.1 ${status}\r\ncontent-type: text/html\r\n${headers}content-length: ${PAGE.length}\r\nconnection: close\r\n\r\n${PAGE}`,
  );
}

const silent =
  (begin: string) =>
  ({ socket }: { socket: Socket }) => {
    if (begin !== "") socket.write(begin);
  };

/** The faults, each with the answer that docs/errors.md promises. */
export const FAULTS = {
  "stalls at once": { answer: silent(""), verdict: "UPSTREAM_TIMEOUT", isTransport: true },
  "stalls in the head": {
    answer: silent("HTTP/1.1 200 OK\r\ncontent-type: appl"),
    verdict: "UPSTREAM_TIMEOUT",
    isTransport: true,
  },
  "stalls in a document": {
    answer: silent(
      'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"jsonrpc"',
    ),
    verdict: "UPSTREAM_TIMEOUT",
    isTransport: true,
  },
  "leaves a stream half open": {
    answer: silent("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n"),
    verdict: "UPSTREAM_TIMEOUT",
    isTransport: true,
  },
  "closes at once": { answer: raw(""), verdict: "UPSTREAM_CLOSED", isTransport: true },
  resets: {
    answer: ({ socket }) => socket.resetAndDestroy(),
    verdict: "UPSTREAM_CLOSED",
    isTransport: true,
  },
  "closes in a document": {
    answer: raw(
      'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"jsonrpc"',
    ),
    verdict: "UPSTREAM_CLOSED",
    isTransport: true,
  },
  "closes in a frame": {
    answer: raw(
      'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nff\r\ndata: {"jsonrpc"',
    ),
    verdict: "UPSTREAM_CLOSED",
    isTransport: true,
    cutsStream: true,
  },
  "ends a stream without an answer": {
    answer: ({ socket }) => {
      sse(socket, []);
    },
    verdict: "UPSTREAM_CLOSED",
  },
  "does not speak HTTP": {
    answer: raw("SSH-2.0-OpenSSH_9.2\r\n"),
    verdict: "UPSTREAM_NOT_MCP",
    isTransport: true,
  },
  "breaks the chunks": {
    answer: raw(
      "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    ),
    verdict: "UPSTREAM_NOT_MCP",
    isTransport: true,
  },
  "answers broken JSON": {
    answer: ({ socket, id }) => {
      json(socket, `{"jsonrpc":"2.0","id":${id},"result":{"content":[`);
    },
    verdict: "UPSTREAM_NOT_MCP",
  },
  "answers JSON that is no JSON-RPC": {
    answer: ({ socket }) => {
      json(socket, '{"hello":"hunter2"}');
    },
    verdict: "UPSTREAM_NOT_MCP",
  },
  "answers another id": {
    answer: ({ socket, result }) => {
      json(socket, `{"jsonrpc":"2.0","id":"another","result":${result}}`);
    },
    verdict: "UPSTREAM_NOT_MCP",
  },
  "answers another id in a stream": {
    answer: ({ socket, result }) => {
      sse(socket, [`{"jsonrpc":"2.0","id":"another","result":${result}}`]);
    },
    verdict: "UPSTREAM_CLOSED",
  },
  "answers with two results": {
    answer: ({ socket, id, result }) => {
      json(socket, `{"jsonrpc":"2.0","id":${id},"result":${result},"result":${result}}`);
    },
    verdict: "UPSTREAM_NOT_MCP",
  },
  "answers with a result and an error": {
    answer: ({ socket, id, result }) => {
      json(
        socket,
        `{"jsonrpc":"2.0","id":${id},"result":${result},"error":{"code":1,"message":"m"}}`,
      );
    },
    verdict: "UPSTREAM_NOT_MCP",
  },
  "answers twice in a document": {
    answer: ({ socket, id, result }) => {
      json(socket, `{"jsonrpc":"2.0","id":${id},"result":${result}}`.repeat(2));
    },
    verdict: "UPSTREAM_NOT_MCP",
  },
  "answers nothing": {
    answer: ({ socket }) => {
      json(socket, "");
    },
    verdict: "UPSTREAM_NOT_MCP",
  },
  "answers HTML": { answer: page("200 OK"), verdict: "UPSTREAM_NOT_MCP" },
  "answers 500": { answer: page("500 Oops"), verdict: "UPSTREAM_HTTP_ERROR" },
  "answers 401": {
    answer: page("401 No", 'www-authenticate: Bearer realm="hunter2"\r\n'),
    verdict: "UPSTREAM_HTTP_ERROR",
  },
  "has lost every session at once": {
    answer: page("404 Not Found"),
    verdict: "UPSTREAM_HTTP_ERROR",
    isOfSession: true,
  },
  redirects: {
    answer: page("307 Elsewhere", "location: http://169.254.169.254/hunter2\r\n"),
    verdict: "UPSTREAM_HTTP_ERROR",
  },
  "answers twice in a stream": {
    answer: ({ socket, id, result }) => {
      const answer = `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
      sse(socket, [answer, answer]);
    },
    verdict: "ok",
  },
  "answers in a megabyte": {
    answer: ({ socket, id, result }) => {
      json(
        socket,
        `{"jsonrpc":"2.0","id":${id},"x":"${"x".repeat(1024 * 1024)}","result":${result}}`,
      );
    },
    verdict: "ok",
  },
  "streams a megabyte before its answer": {
    answer: ({ socket, id, result }) => {
      const big = `{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"${"x".repeat(1024 * 1024)}"}}`;
      sse(socket, [big, `{"jsonrpc":"2.0","id":${id},"result":${result}}`]);
    },
    verdict: "ok",
  },
  "hints before it answers": {
    answer: ({ socket, id, result }) => {
      socket.write("HTTP/1.1 103 Early Hints\r\ncontent-type: text/event-stream\r\n\r\n");
      json(socket, `{"jsonrpc":"2.0","id":${id},"result":${result}}`);
    },
    verdict: "ok",
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];
