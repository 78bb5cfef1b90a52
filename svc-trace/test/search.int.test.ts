import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { randomBytesPooled, toolIdOf, toolIdToText, uuidToText } from "@gatewayops/platform/ids";
import type { Names } from "@gatewayops/platform/names";
import { makeRecord, type RecordSpec } from "@gatewayops/platform/streams/consumer-testing";
import {
  Face,
  Operation,
  Outcome,
  type CallCompletion,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { ANY_CALL, matches, type CallFilter } from "../src/traces/call-filter.ts";
import type { TraceBefore } from "../src/traces/trace-store.ts";
import { openTraces, type OpenTraces } from "./engines.ts";

const NOON_US = BigInt(Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000) * 1000n;
const SECOND_US = 1_000_000n;
const RANGE = { startUs: NOON_US - 3_600n * SECOND_US, endUs: NOON_US + 3_600n * SECOND_US };
const ALL = { limit: 1_000, after: undefined };
const ANY = { status: undefined, userId: "", teamId: "" } as const;
const SERVER = randomBytesPooled(16);
const TOOL = toolIdOf(SERVER, "echo");
const [KEY, TEAM, USER] = [randomBytesPooled(16), randomBytesPooled(16), randomBytesPooled(16)];

let open: OpenTraces;

beforeAll(async () => {
  open = await openTraces();
}, 120_000);

afterAll(() => open.close());

/** A call of an organisation, so many seconds after noon. */
function call(org: Buffer, seconds: number, spec: RecordSpec = {}): CallCompletion {
  return makeRecord(NOON_US + BigInt(seconds) * SECOND_US, {
    ...spec,
    intent: { orgId: org, ...spec.intent },
  });
}

const idOf = (bytes: Uint8Array | undefined): string => uuidToText(bytes ?? Buffer.alloc(16));

describe("conditions on calls", () => {
  const org = randomBytesPooled(16);
  const traceId = randomBytesPooled(16);
  const records = [
    call(org, 0),
    call(org, 1, { intent: { serverId: SERVER, toolId: TOOL, traceId } }),
    call(org, 2, {
      intent: { serverId: SERVER, keyId: KEY, teamId: TEAM, traceId, face: Face.REST },
      completion: { outcome: Outcome.REFUSED, reason: 60, durationUs: 90_000n },
    }),
    call(org, 3, {
      intent: { userId: USER, operation: Operation.PROMPTS_GET },
      completion: { costUsdMicros: 250n, outcome: Outcome.TIMEOUT, reason: 81 },
    }),
    call(org, 4, { completion: { costUsdMicros: 1_000_000n, durationUs: 5_000_000n } }),
  ];
  const names: Names = {
    of: (kind, id) =>
      kind === "server" && id === uuidToText(SERVER)
        ? "everything"
        : kind === "tool" && id === toolIdToText(TOOL)
          ? "echo"
          : undefined,
  };
  // Which of the calls above, in the order of time: by hand.
  const cases: [string, Partial<CallFilter>, number[]][] = [
    ["nothing", {}, [0, 1, 2, 3, 4]],
    ["a status", { status: "error" }, [2]],
    ["an outcome", { outcome: "timeout" }, [3]],
    ["a reason", { reason: 60 }, [2]],
    ["a face", { face: "rest" }, [2]],
    ["a method", { method: "prompts/get" }, [3]],
    ["a server", { server: { name: "everything", ids: [uuidToText(SERVER)] } }, [1, 2]],
    ["a tool", { tool: { name: "echo", ids: [toolIdToText(TOOL)] } }, [1]],
    ["a key", { keyId: uuidToText(KEY) }, [2]],
    ["a team", { teamId: uuidToText(TEAM) }, [2]],
    ["a person", { userId: uuidToText(USER) }, [3]],
    ["at least a duration", { minDurationUs: 90_000n }, [2, 4]],
    ["at most a duration", { maxDurationUs: 90_000n }, [0, 1, 2, 3]],
    ["a range of durations", { minDurationUs: 2_001n, maxDurationUs: 4_999_999n }, [2]],
    ["at least a cost", { minCostUsdMicros: 250n }, [3, 4]],
    ["at most a cost", { maxCostUsdMicros: 250n }, [0, 1, 2, 3]],
    ["no cost", { maxCostUsdMicros: 0n }, [0, 1, 2]],
    ["a range of costs", { minCostUsdMicros: 251n, maxCostUsdMicros: 1_000_000n }, [4]],
    ["a call", { callId: idOf(records[1]?.intent?.callId) }, [1]],
    ["a trace", { traceId: uuidToText(traceId) }, [1, 2]],
    ["several things at once", { traceId: uuidToText(traceId), face: "rest" }, [2]],
    ["what no call is", { outcome: "cancelled" }, []],
  ];

  beforeAll(async () => {
    await open.record(records);
    await open.record([call(randomBytesPooled(16), 1, { intent: { traceId } })]);
  });

  it.each(cases)(
    "find the calls of %s, in the list and in memory alike",
    async (_, some, wanted) => {
      const filter = { ...ANY_CALL, ...some };
      const listed = (asked: CallFilter) =>
        open.traces.listCalls(uuidToText(org), { range: RANGE, filter: asked, page: ALL });
      const ids = wanted.map((i) => idOf(records[i]?.intent?.callId)).reverse();
      expect((await listed(filter)).map(({ callId }) => callId)).toEqual(ids);
      const inMemory = (await listed(ANY_CALL)).filter((one) => matches(filter, one, names));
      expect(inMemory.map(({ callId }) => callId)).toEqual(ids);
    },
  );

  it.each(cases)("find the traces of %s", async (_, some, wanted) => {
    const { traces } = await open.traces.listTraces(uuidToText(org), {
      range: RANGE,
      filter: ANY,
      withCall: { ...ANY_CALL, ...some },
      page: ALL,
    });
    const ids = new Set(wanted.map((i) => idOf(records[i]?.intent?.traceId)));
    expect(new Set(traces.map(({ traceId: id }) => id))).toEqual(ids);
    expect(traces).toHaveLength(ids.size);
  });
});

describe("pages of traces", () => {
  const PAGE = 7;

  /** All pages; `between` runs after each. */
  async function pagesOf(org: Buffer, between: (page: number) => Promise<void>): Promise<string[]> {
    const seen: string[] = [];
    for (let after: TraceBefore | undefined, page = 0; ; page += 1) {
      const { traces, asOfMs = 0n } = await open.traces.listTraces(uuidToText(org), {
        range: RANGE,
        filter: ANY,
        withCall: undefined,
        page: { limit: PAGE, after },
      });
      seen.push(...traces.map(({ traceId }) => traceId));
      const last = traces.at(-1);
      if (traces.length < PAGE || !last) return seen;
      await between(page);
      after = { startTimeUs: last.startTimeUs, id: last.traceId, asOfMs };
    }
  }

  it("show each trace that there was once, while others come and calls of them turn up late", async () => {
    const org = randomBytesPooled(16);
    // Five begin at the same time each, so that pages end within them.
    const records = Array.from({ length: 60 }, (_, i) => call(org, Math.floor(i / 5)));
    await open.record(records);
    const existing = new Set(records.map(({ intent }) => idOf(intent?.traceId)));
    const seen = await pagesOf(org, async (page) => {
      const late = [0, 20, 40, 59].map((i) =>
        call(org, -100 - page, {
          intent: {
            traceId: records[i]?.intent?.traceId ?? Buffer.alloc(16),
            parentSpanId: randomBytesPooled(8),
          },
        }),
      );
      const others = [-50, 3, 5, 100].map((seconds) => call(org, seconds));
      await open.record([...late, ...others]);
    });
    const shown = seen.filter((id) => existing.has(id));
    expect(shown).toHaveLength(60);
    expect(new Set(shown)).toEqual(existing);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it("show a trace that was stored by a later call first, before the first page was asked for", async () => {
    const org = randomBytesPooled(16);
    const traceId = randomBytesPooled(16);
    await open.record([
      call(org, 500, { intent: { traceId, parentSpanId: randomBytesPooled(8) } }),
    ]);
    await open.record(Array.from({ length: 20 }, (_, i) => call(org, 100 + i)));
    await open.record([call(org, 0, { intent: { traceId } })]);
    const seen = await pagesOf(org, () => open.record([call(org, 0, { intent: { traceId } })]));
    expect(seen).toHaveLength(21);
    expect(seen.at(-1)).toBe(uuidToText(traceId));
  });
});
