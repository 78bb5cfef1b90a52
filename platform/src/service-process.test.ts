import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { runService, type ServiceRun } from "./service-process.ts";
import { booleanSetting, choiceSetting, integerSetting } from "./settings.ts";

const settings = {
  port: integerSetting({ env: "PORT", min: 1, max: 9, doc: "A port." }),
  logLevel: choiceSetting({
    env: "LEVEL",
    choices: ["fatal", "silent"],
    default: "silent",
    doc: "",
  }),
  logFormat: choiceSetting({ env: "FORMAT", choices: ["json", "text"], default: "json", doc: "" }),
  maskSensitive: booleanSetting({ env: "MASK", default: true, doc: "" }),
};

describe("runService", () => {
  const before = new Set<NodeJS.SignalsListener>();
  let exits: number[];

  beforeEach(() => {
    exits = [];
    for (const signal of SIGNALS)
      for (const listener of process.listeners(signal)) before.add(listener);
  });

  afterEach(() => {
    for (const signal of SIGNALS)
      for (const listener of process.listeners(signal))
        if (!before.has(listener)) process.off(signal, listener);
  });

  const run = (
    env: Record<string, string>,
    start: (run: ServiceRun<typeof settings>) => Promise<void>,
  ) => runService({ service: "t", settings, env, exit: (code) => void exits.push(code) }, start);

  it("starts with the settings, and leaves the process running", async () => {
    let port = 0;
    await run({ PORT: "7" }, ({ config }) => Promise.resolve(void (port = config.port)));
    expect([port, exits]).toEqual([7, []]);
  });

  it("exits with 78 when settings are wrong, without starting", async () => {
    await run({ PORT: "70" }, () => Promise.reject(new Error("started")));
    expect(exits).toEqual([78]);
  });

  it("closes what was opened and exits with 1 when the start fails", async () => {
    const closed: string[] = [];
    await run({ PORT: "7" }, ({ lifecycle }) => {
      lifecycle.onClose("store", () => closed.push("store"));
      return Promise.reject(new Error("no store"));
    });
    expect([closed, exits]).toEqual([["store"], [1]]);
  });

  it("does not take a start that a signal broke off for a failure", async () => {
    await run({ PORT: "7" }, async ({ lifecycle }) => {
      await lifecycle.close();
      throw new Error("broken off");
    });
    expect(exits).toEqual([]);
  });
});

const SIGNALS = ["SIGTERM", "SIGINT"] as const;
