import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { Failure } from "@gatewayops/platform/errors";
import { connectErrorFrom } from "@gatewayops/platform/rpc/errors";
import {
  CallSchema,
  TailTracesResponseSchema,
  TraceService,
  type Call,
  type TailTracesResponse,
} from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import type { Clients } from "../client/target.ts";
import { filterFields } from "../traces/filter-flags.ts";
import { callLine, tailCalls } from "./tail.ts";

describe("callLine", () => {
  it("is one line with local time, outcome, call, duration, cost and request id", () => {
    const line = callLine(
      create(CallSchema, {
        requestId: "req_1",
        startTime: timestampFromDate(new Date(2026, 10, 23, 14, 3, 7)),
        outcome: "ok",
        method: "tools/call",
        mcpServer: "everything",
        toolName: "echo",
        durationUs: 3_200n,
        costUsdMicros: 250n,
      }),
    );
    expect(line.split(/ {2,}/)).toEqual([
      ...["14:03:07.000", "ok", "tools/call everything/echo", "3.2 ms", "$0.000250", "req_1"],
    ]);
  });
});

/** Answers of a deployment: lists one after the other, and streams that end, break off or go on until they are hung up. */
type Answers = {
  readonly lists: Call[][];
  readonly streams: (TailTracesResponse[] | ConnectError)[];
};

function deployment({ lists, streams }: Answers): Clients {
  return (service) =>
    createClient(
      service,
      createRouterTransport(({ service: serve }) => {
        serve(TraceService, {
          listCalls: () => ({ calls: lists.shift() ?? [] }),
          async *tailTraces(_, { signal }) {
            const messages = streams.shift();
            if (messages instanceof ConnectError) throw messages;
            yield* messages ?? [];
            if (streams.length === 0)
              await new Promise((resolve) => {
                signal.addEventListener("abort", resolve);
              });
          },
        });
      }),
    );
}

const call = (requestId: string): Call =>
  create(CallSchema, { requestId, startTime: timestampFromDate(new Date()) });
const message = (...calls: Call[]): TailTracesResponse =>
  create(TailTracesResponseSchema, { calls });

describe("tailCalls", () => {
  /** What is printed, and warned of, until so many lines were. */
  async function printed(answers: Answers, lines: number) {
    const stop = new AbortController();
    const out: string[] = [];
    const warnings: string[] = [];
    await tailCalls(deployment(answers), {
      filter: filterFields({}),
      lines: 10,
      json: true,
      follow: true,
      write: (line) => {
        out.push((JSON.parse(line) as { request_id: string }).request_id);
        if (out.length === lines) stop.abort();
      },
      warn: (line) => warnings.push(line),
      signal: stop.signal,
      retryMs: 1,
    });
    return { out, warnings };
  }

  it("prints the list, what came before the stream began, and the stream, each call once", async () => {
    const [a, b, c] = [call("a"), call("b"), call("c")];
    const { out } = await printed(
      { lists: [[a], [b, a]], streams: [[message(), message(b, c)]] },
      3,
    );
    expect(out).toEqual(["a", "b", "c"]);
  });

  it("begins a stream anew that ended or broke off, and catches up", async () => {
    const away = new ConnectError("no", Code.Unavailable);
    const { out, warnings } = await printed(
      {
        lists: [[], [], [call("b")]],
        streams: [[message(), message(call("a"))], away, away, [message(), message(call("c"))]],
      },
      3,
    );
    expect(out).toEqual(["a", "b", "c"]);
    expect(warnings).toEqual([
      "The deployment does not answer (no); still trying.",
      "The deployment answers again.",
    ]);
  });

  it("ends with what the deployment refuses", async () => {
    const refusal = connectErrorFrom(new Failure("KEY_REVOKED", "The key was revoked."));
    const answers = { lists: [[]], streams: [refusal] };
    await expect(printed(answers, 1)).rejects.toThrow("The key was revoked.");
  });
});
