import { describe, expect, it } from "@jest/globals";
import { NO_SETTINGS, requireSettings, type Transformation } from "./server-settings.ts";

const ARGUMENT: Transformation = {
  target: "argument",
  action: "set",
  name: "/limit",
  newName: "",
  value: "10",
  tools: [],
};

const admit = (changes: Partial<Transformation>) => () =>
  requireSettings({ ...NO_SETTINGS, transformations: [ARGUMENT, { ...ARGUMENT, ...changes }] });

describe("requireSettings", () => {
  it.each<[string, Partial<Transformation>]>([
    ["an argument deep inside", { name: "/options/a~1b/~0x" }],
    ["JSON of any kind", { value: '{"a":[null]}' }],
    ["a new name", { action: "rename", newName: "max", value: "" }],
    ["a header", { target: "header", name: "x-tenant", value: "acme 7" }],
    ["a header without value", { target: "header", action: "remove", name: "baggage", value: "" }],
  ])("admits %s", (_, changes) => {
    expect(admit(changes)).not.toThrow();
  });

  it.each<[string, Partial<Transformation>, string]>([
    ["a name that is no pointer", { name: "limit" }, "[1].name: must be a JSON pointer"],
    ["a bad escape in a pointer", { name: "/a~2" }, "[1].name: must be a JSON pointer"],
    ["a value that is no JSON", { value: "en" }, "[1].value: must be JSON"],
    ["a value to remove", { action: "remove" }, "[1].value: is for set and default"],
    ["no new name", { action: "rename", value: "" }, "[1].new_name: must not be empty"],
    ["a new name to set", { newName: "x" }, "[1].new_name: is for rename"],
    [
      "no header's name",
      { target: "header", name: "a b", value: "x" },
      "[1].name: must be the name",
    ],
    ["a line end", { target: "header", name: "x-a", value: "a\r\nb: c" }, "[1].value: must be"],
  ])("refuses %s", (_, changes, words) => {
    expect(admit(changes)).toThrow(`settings.transformations${words}`);
  });

  it.each([
    "connection",
    "transfer-encoding",
    "host",
    "content-length",
    "content-type",
    "accept",
    "mcp-session-id",
    "mcp-anything",
    "authorization",
    "cookie",
    "traceparent",
    "x-gwo-org",
  ])("refuses the header %s, as name and as new name", (name) => {
    expect(admit({ target: "header", name, value: "x" })).toThrow("cannot be changed");
    expect(
      admit({ target: "header", action: "rename", name: "x-a", newName: name, value: "" }),
    ).toThrow("cannot be changed");
  });
});
