import { describe, expect, it } from "@jest/globals";
import { StageOutcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { NO_MESSAGE } from "../mcp/message.ts";
import { createArgumentValidator } from "../policy/argument-validator.ts";
import type { Transformation } from "../policy/transformations.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { createCheckArgumentsStage } from "./check-arguments.ts";

const SCHEMA = '{"properties":{"limit":{"type":"integer"}},"required":["limit"]}';

function check(options: {
  mode: "off" | "observe" | "enforce";
  args: unknown;
  schema?: string | undefined;
  transformations?: Transformation[];
}) {
  const stage = createCheckArgumentsStage(
    createArgumentValidator({ schemasMax: 10, onUnusable: () => undefined }),
  );
  const schema = "schema" in options ? options.schema : SCHEMA;
  const inputSchema = schema === undefined ? undefined : Buffer.from(schema);
  const upstream = {
    settings: {
      validateArguments: options.mode,
      transformations: options.transformations ?? [],
      isIdempotent: () => false,
    },
    listed: new Map([["list", { hash: "aa", inputSchema }]]),
  } as unknown as Upstream;
  const params = { name: "list", arguments: options.args };
  return stage(upstream, { ...NO_MESSAGE, method: "tools/call", target: "list", params });
}

describe("the check of arguments", () => {
  it("refuses what does not fit, and says where without quoting values", () => {
    const verdict = check({ mode: "enforce", args: { limit: "secret" } });
    expect(verdict?.outcome).toBe(StageOutcome.REFUSED);
    expect(verdict?.refusal).toMatchObject({
      reason: "ARGUMENTS_INVALID",
      message: "The arguments of list do not fit its schema: /limit is of the wrong type.",
      details: [{ field: "arguments/limit", message: "is of the wrong type" }],
    });
  });

  it.each([
    ["does nothing when it is not asked for", "off", "x", undefined],
    ["lets pass what fits", "enforce", { limit: 1 }, StageOutcome.PASSED],
    ["lets pass what it only observes", "observe", { limit: "x" }, StageOutcome.OBSERVED],
  ] as const)("%s", (_, mode, args, outcome) => {
    const verdict = check({ mode, args });
    expect(verdict?.outcome).toBe(outcome);
    expect(verdict?.refusal).toBeUndefined();
  });

  it("refuses nothing without a schema that can be used", () => {
    expect(check({ mode: "enforce", args: {}, schema: undefined })?.outcome).toBe(
      StageOutcome.NOT_CONFIGURED,
    );
    expect(check({ mode: "enforce", args: {}, schema: '{"$ref":"http://x.io/y"}' })).toEqual({
      outcome: StageOutcome.FAILED,
      refusal: undefined,
    });
  });

  it("checks what the server will get", () => {
    const transformations: Transformation[] = [
      {
        target: "argument",
        action: "default",
        name: "/limit",
        newName: "",
        value: "10",
        isForAll: true,
        isFor: () => true,
      },
    ];
    for (const args of [{}, undefined])
      expect(check({ mode: "enforce", args, transformations })?.outcome).toBe(StageOutcome.PASSED);
    expect(check({ mode: "enforce", args: { limit: "x" }, transformations })?.outcome).toBe(
      StageOutcome.REFUSED,
    );
  });
});
