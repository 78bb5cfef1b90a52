import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { randomBytesPooled, toolIdOf, toolIdToText, uuidToText } from "@gatewayops/platform/ids";
import { makeRecord } from "@gatewayops/platform/streams/consumer-testing";
import {
  PriceService,
  type SimulatePriceRequestSchema,
  type SimulatePriceResponse,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import {
  Operation,
  Outcome,
  type CallCompletion,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { startCostService, type RunningService } from "./running-service.ts";

const DAY_MS = 86_400_000;
/** Midnight of the day before yesterday, UTC. */
const DAY_START_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS - 2 * DAY_MS;
const START_US = BigInt(DAY_START_MS) * 1000n;
const END_US = START_US + BigInt(DAY_MS) * 1000n;
const NOON_US = START_US + BigInt(DAY_MS / 2) * 1000n;
const DAY = new Date(DAY_START_MS).toISOString().slice(0, 10);
const DAYS = { startDate: DAY, endDate: DAY };
const FILES = randomBytesPooled(16);
const MAIL = randomBytesPooled(16);
const ECHO = toolIdOf(FILES, "echo");

let org: Buffer;
let service: RunningService;

beforeAll(async () => {
  service = await startCostService({
    orgId: () => uuidToText(org),
    names: {
      [`server ${uuidToText(FILES)}`]: "files",
      [`server ${uuidToText(MAIL)}`]: "mail",
      [`tool ${toolIdToText(ECHO)}`]: "echo",
    },
  });
}, 120_000);

afterAll(() => service.stop());

beforeEach(() => {
  org = randomBytesPooled(16);
});

type Used = {
  readonly serverId?: Buffer;
  readonly toolId?: bigint;
  readonly operation?: Operation;
  readonly timeUs?: bigint;
  readonly orgId?: Buffer;
  readonly requestBytes?: number;
} & Partial<
  Pick<
    CallCompletion,
    "responseBytes" | "inputTokens" | "outputTokens" | "durationUs" | "outcome" | "costUsdMicros"
  >
>;

/** The record of a call of files/echo that used nothing, but for what is said. */
function call(used: Used = {}): CallCompletion {
  const { serverId = FILES, toolId = ECHO, operation = Operation.TOOLS_CALL } = used;
  const { timeUs = NOON_US, orgId = org, requestBytes = 0, ...completion } = used;
  return makeRecord(timeUs, {
    intent: { orgId, serverId, toolId, operation, requestBytes },
    completion: {
      responseBytes: completion.responseBytes ?? 0n,
      inputTokens: completion.inputTokens ?? 0,
      outputTokens: completion.outputTokens ?? 0,
      durationUs: completion.durationUs ?? 0n,
      outcome: completion.outcome ?? Outcome.OK,
      costUsdMicros: completion.costUsdMicros ?? 0n,
    },
  });
}

type Asked = Partial<MessageInitShape<typeof SimulatePriceRequestSchema>>;

function simulate(rule: Asked): Promise<SimulatePriceResponse> {
  const client = createClient(PriceService, service.transport);
  return client.simulatePrice({ server: "*", tool: "*", ...DAYS, ...(rule as object) });
}

const ALL_PARTS: Asked = {
  server: "files",
  perCallUsdMicros: 100n,
  perKbInUsdMicros: 10n,
  perKbOutUsdMicros: 20n,
  per1kInputTokensUsdMicros: 3_000n,
  per1kOutputTokensUsdMicros: 15_000n,
  perSecondUsdMicros: 100n,
  maxPerCallUsdMicros: 30_000n,
};

const LARGE: Used = {
  requestBytes: 2_048,
  responseBytes: 10_000n,
  inputTokens: 512,
  outputTokens: 2_500,
  durationUs: 1_234_567n,
  costUsdMicros: 30n,
};
const SMALL: Used = {
  requestBytes: 100,
  responseBytes: 1_535n,
  inputTokens: 25,
  outputTokens: 384,
  durationUs: 1_249n,
  costUsdMicros: 20n,
};

describe("SimulatePrice", () => {
  it("prices each call by itself, rounds it and holds it to its maximum", async () => {
    const large = call(LARGE);
    await service.store([
      large,
      call(SMALL),
      call({ toolId: 255n, outcome: Outcome.TOOL_ERROR, durationUs: 5_000n, costUsdMicros: 10n }),
    ]);
    // A record that is stored again is the same call.
    await service.store([large]);
    // Large: 100 + 20 + 195.3125 + 1536 + 37,500 + 123.4567 = 39,474.7692, held to 30,000.
    // Small: 100 + 0.9765625 + 29.98046875 + 75 + 5760 + 0.1249 = 5966.08193125, so 5966.
    // The third: 100 + 0.5, rounded up to 101.
    const answer = await simulate(ALL_PARTS);
    expect(answer).toMatchObject({
      period: { start: DAY, end: DAY },
      calls: 3n,
      cappedCalls: 1n,
      actualCostUsdMicros: 60n,
      simulatedCostUsdMicros: 36_067n,
    });
    expect(answer.lines).toMatchObject([
      {
        ...{ server: "files", tool: "echo", operation: "tools/call", calls: 2n },
        ...{ actualCostUsdMicros: 50n, simulatedCostUsdMicros: 35_966n },
      },
      {
        ...{ server: "files", tool: "tool:00000000000000ff", operation: "tools/call", calls: 1n },
        ...{ actualCostUsdMicros: 10n, simulatedCostUsdMicros: 101n },
      },
    ]);
  });

  it("counts what is charged, of the organisation, in the days", async () => {
    await service.store([
      call({ timeUs: START_US }),
      call({ timeUs: END_US - 1n }),
      call({ timeUs: START_US - 1n }),
      call({ timeUs: END_US }),
      call({ orgId: randomBytesPooled(16) }),
      ...[
        Outcome.RPC_ERROR,
        Outcome.REFUSED,
        Outcome.UPSTREAM_ERROR,
        Outcome.TIMEOUT,
        Outcome.CANCELLED,
        Outcome.UNKNOWN,
      ].map((outcome) => call({ outcome })),
    ]);
    expect(await simulate({ perCallUsdMicros: 7n })).toMatchObject({
      calls: 2n,
      simulatedCostUsdMicros: 14n,
    });
  });

  it("takes a call whose end was found after all for one call", async () => {
    const begun = call({ outcome: Outcome.UNKNOWN });
    await service.store([begun]);
    await service.store([{ ...begun, outcome: Outcome.OK }]);
    expect((await simulate({ perCallUsdMicros: 7n })).calls).toBe(1n);
  });

  it("takes the calls that the rule fits", async () => {
    await service.store([
      call(),
      call({ toolId: 255n }),
      call({ serverId: MAIL, toolId: toolIdOf(MAIL, "echo") }),
      call({ toolId: 0n, operation: Operation.RESOURCES_READ }),
      call({ serverId: MAIL, toolId: 0n, operation: Operation.PROMPTS_GET }),
    ]);
    const calls = async (rule: Asked) =>
      Number((await simulate({ perCallUsdMicros: 1n, ...(rule as object) })).calls);
    expect(await calls({})).toBe(3);
    expect(await calls({ server: "files" })).toBe(2);
    expect(await calls({ server: "files", tool: "echo" })).toBe(1);
    expect(await calls({ tool: "echo" })).toBe(2);
    expect(await calls({ operation: "*" })).toBe(5);
    expect(await calls({ operation: "resources/read" })).toBe(1);
    expect(await calls({ server: "files", operation: "prompts/get" })).toBe(0);
    expect(await calls({ server: "nowhere" })).toBe(0);
  });

  it("is exact where sums of floats and of 64 bits are not", async () => {
    const huge = { responseBytes: 2n ** 63n, costUsdMicros: 1_000_000_000n };
    await service.store([call(huge), call({ ...huge, responseBytes: 1_536n })]);
    // The first is held to 1000 USD; 1536 · 333,333,333 / 1024 = 499,999,999.5, rounded up.
    expect(
      await simulate({ perKbOutUsdMicros: 333_333_333n, maxPerCallUsdMicros: 1_000_000_000n }),
    ).toMatchObject({
      actualCostUsdMicros: 2_000_000_000n,
      simulatedCostUsdMicros: 1_500_000_000n,
      cappedCalls: 1n,
    });
  });

  it("answers nothing for days without calls, and changes nothing", async () => {
    expect(await simulate(ALL_PARTS)).toMatchObject({ calls: 0n, simulatedCostUsdMicros: 0n });
    const { items } = await createClient(PriceService, service.transport).listPriceRules({});
    expect(items).toEqual([]);
  });

  it("says so where it is not known whose calls are meant", async () => {
    await service.store([call({ serverId: randomBytesPooled(16) })]);
    await expect(simulate({ server: "files", perCallUsdMicros: 1n })).rejects.toThrow(
      "cannot be looked up",
    );
    expect((await simulate({ perCallUsdMicros: 1n })).calls).toBe(1n);
  });

  it("refuses what is no rule, and more than 92 days", async () => {
    await expect(simulate({ perSecondUsdMicros: 1n })).rejects.toThrow("max_per_call");
    const at = (days: number) => new Date(DAY_START_MS + days * DAY_MS).toISOString().slice(0, 10);
    await expect(simulate({ endDate: at(91) })).resolves.toBeDefined();
    await expect(simulate({ endDate: at(92) })).rejects.toThrow("92 days");
  });
});
