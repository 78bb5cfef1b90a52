import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ConfigError, describeConfig, loadConfig, type ConfigSources } from "./config.ts";
import {
  booleanSetting,
  bytesSetting,
  choiceSetting,
  durationSetting,
  fractionSetting,
  integerSetting,
  stringSetting,
  urlSetting,
  type Setting,
} from "./settings.ts";

const SCHEMA = {
  port: integerSetting({
    env: "T_PORT",
    yaml: "server.port",
    default: 80,
    min: 0,
    max: 65535,
    doc: "",
  }),
  secret: stringSetting({
    env: "T_SECRET",
    yaml: "secret",
    pattern: /^.{4,}$/,
    secret: true,
    doc: "",
  }),
  note: stringSetting({ env: "T_NOTE", yaml: "note", default: "", secret: true, doc: "" }),
} as const;

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "gwo-config-"));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

function problemsOf(sources: ConfigSources): readonly string[] {
  try {
    loadConfig(SCHEMA, sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

describe("loadConfig", () => {
  it("prefers the environment, then the file it names, then config.yaml, then the default", () => {
    const yaml = "server: { port: 3 }";
    const secret = { T_SECRET: "long enough" };
    const portFile = { T_PORT_FILE: file("port", "2\n") };
    const port = (env: Record<string, string>, text?: string): number =>
      loadConfig(SCHEMA, { env: { ...secret, ...env }, yaml: text }).port;
    expect(port({ T_PORT: "1", ...portFile }, yaml)).toBe(1);
    expect(port(portFile, yaml)).toBe(2);
    expect(port({}, yaml)).toBe(3);
    expect(port({})).toBe(80);
  });

  it("reports all problems at once, each with where it stands", () => {
    expect(
      problemsOf({
        env: { T_PORT: "80000", T_SECRET_FILE: file("secret", "abc") },
        yaml: "server: { prot: 1 }\nother: x",
      }),
    ).toEqual([
      "T_PORT: must be a whole number from 0 to 65535",
      "T_SECRET_FILE: must match ^.{4,}$",
      "config.yaml: server.prot is not a setting",
      "config.yaml: other is not a setting",
    ]);
    expect(problemsOf({ env: {} })).toEqual(["T_SECRET: is required and not set"]);
    expect(problemsOf({ env: {}, yaml: "secret: abc" })).toEqual([
      "config.yaml: secret: must match ^.{4,}$",
    ]);
  });

  it("says which file cannot be read", () => {
    const [problem] = problemsOf({ env: { T_SECRET_FILE: join(directory, "none") } });
    expect(problem).toMatch(/^T_SECRET_FILE: ENOENT/);
  });

  it("replaces ${NAME} in config.yaml, and reports names that are not set", () => {
    const yaml = 'secret: "${A}-${B}"';
    expect(loadConfig(SCHEMA, { env: { A: "one", B: "two" }, yaml }).secret).toBe("one-two");
    expect(problemsOf({ env: { A: "one" }, yaml })).toEqual([
      "config.yaml: secret: environment variable B is not set",
    ]);
  });

  it("never shows a secret in a problem", () => {
    const sources = [
      { env: { T_SECRET: "abc" } },
      { env: {}, yaml: "secret: abc" },
      { env: { T_SECRET_FILE: file("short", "abc") } },
    ];
    for (const source of sources) expect(problemsOf(source).join()).not.toContain("abc");
  });

  it("reports YAML that cannot be read", () => {
    expect(problemsOf({ env: { T_SECRET: "long enough" }, yaml: "a: [" })).toHaveLength(1);
  });

  it("lets paths be that another part reads", () => {
    const sources = { env: { T_SECRET: "long enough" }, yaml: "list: { a: 1 }" };
    expect(loadConfig(SCHEMA, { ...sources, otherYaml: ["list"] }).port).toBe(80);
    expect(problemsOf({ ...sources, otherYaml: ["lis"] })).toHaveLength(1);
  });
});

describe("describeConfig", () => {
  it("shows no secret, only whether it is set", () => {
    const config = loadConfig(SCHEMA, { env: { T_SECRET: "long enough" } });
    expect(describeConfig(SCHEMA, config)).toEqual({ port: 80, secret: "[set]", note: "" });
  });
});

describe("settings", () => {
  const parsed = (setting: Setting<unknown>, raw: unknown): unknown => {
    try {
      return setting.parse(raw);
    } catch (error) {
      return `! ${(error as Error).message}`;
    }
  };
  const common = { env: "T", doc: "" };

  it.each([
    ["250ms", 250],
    ["30s", 30_000],
    ["5m", 300_000],
    ["8h", 28_800_000],
    ["30d", 2_592_000_000],
  ])("a duration of %s is %s ms", (text, ms) => {
    expect(parsed(durationSetting({ ...common, min: 1, max: 3e9 }), text)).toBe(ms);
  });

  it("a duration has a unit and keeps its bounds", () => {
    const setting = durationSetting({ ...common, min: 1_000, max: 60_000 });
    for (const raw of ["30", 30, "1.5s", "-1s", "", "s", "1 s", "61s", "999ms", null])
      expect(parsed(setting, raw)).toMatch(/^! must be a duration/);
  });

  it.each([
    ["512", 512],
    ["512B", 512],
    ["1KB", 1_024],
    ["10MB", 10_485_760],
    ["2GB", 2_147_483_648],
  ])("a size of %s is %s bytes", (text, bytes) => {
    expect(parsed(bytesSetting({ ...common, min: 1, max: 2 ** 40 }), text)).toBe(bytes);
  });

  it("a size keeps its bounds", () => {
    const setting = bytesSetting({ ...common, min: 1_024, max: 2_048 });
    for (const raw of ["1023", "3KB", "1.5KB", "1kb", "-1", "", null])
      expect(parsed(setting, raw)).toMatch(/^! must be a size/);
    expect(parsed(setting, 2_048)).toBe(2_048);
  });

  it("an integer is whole, a number, and in its bounds", () => {
    const setting = integerSetting({ ...common, min: 1, max: 10 });
    expect(parsed(setting, "10")).toBe(10);
    expect(parsed(setting, 1)).toBe(1);
    for (const raw of ["0", "11", "1.5", "", " ", "ten", true, null, [5]])
      expect(parsed(setting, raw)).toMatch(/^! must be a whole number/);
  });

  it("a fraction lies from 0 to 1", () => {
    const setting = fractionSetting(common);
    expect([parsed(setting, "0"), parsed(setting, 0.5), parsed(setting, "1.0")]).toEqual([
      0, 0.5, 1,
    ]);
    for (const raw of ["-0.1", "1.01", "NaN", "", "half"])
      expect(parsed(setting, raw)).toMatch(/^! must be a number/);
  });

  it("a boolean is said plainly", () => {
    const setting = booleanSetting(common);
    expect([true, "true", "1", false, "false", "0"].map((raw) => parsed(setting, raw))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    for (const raw of ["yes", "TRUE", "", 1, null])
      expect(parsed(setting, raw)).toMatch(/^! must be/);
  });

  it("a choice is one of those given", () => {
    const setting = choiceSetting({ ...common, choices: ["a", "b"] });
    expect(parsed(setting, "b")).toBe("b");
    expect(parsed(setting, "c")).toBe("! must be one of a, b");
  });

  it("a URL has one of the protocols given", () => {
    const setting = urlSetting({ ...common, protocols: ["redis", "rediss"] });
    expect(parsed(setting, "rediss://u:p@h:6379/0")).toBe("rediss://u:p@h:6379/0");
    for (const raw of ["http://h", "h:6379", "", 5])
      expect(parsed(setting, raw)).toMatch(/^! must be a URL/);
    expect(parsed(urlSetting({ ...common, protocols: ["http"], default: "" }), "")).toBe("");
  });
});
