import { describe, expect, it } from "@jest/globals";
import { PolicyMode } from "@gatewayops/proto/gatewayops/auth/v1/policy_mode_pb";
import fc from "fast-check";
import { createAccess, patternOf, type ScopeLists } from "./access.ts";

const scopes = (lists: Partial<ScopeLists>): ScopeLists => ({
  servers: ["*"],
  tools: [],
  resources: [],
  prompts: [],
  denyTools: [],
  denyResources: [],
  denyPrompts: [],
  scopesMode: PolicyMode.UNSPECIFIED,
  ...lists,
});
const access = (...layers: Partial<ScopeLists>[]) => createAccess(layers.map(scopes));

/** The definition of a pattern: "*" is any split of what is left. */
function fits(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern[0] !== "*")
    return text !== "" && pattern[0] === text[0] && fits(pattern.slice(1), text.slice(1));
  return fits(pattern.slice(1), text) || (text !== "" && fits(pattern, text.slice(1)));
}

/** All texts of two letters with up to so many characters. */
function textsUpTo(length: number): string[] {
  const shorter = length === 0 ? [] : textsUpTo(length - 1);
  const longest = shorter.filter((text) => text.length === length - 1);
  return length === 0 ? [""] : [...shorter, ...longest.flatMap((text) => [`${text}a`, `${text}b`])];
}

describe("createAccess", () => {
  it.each([
    // servers, tools, server, tool, verdict on the server, on the tool
    [[], [], "s", "t", "refused", "allowed"],
    [["*"], [], "s", "t", "allowed", "allowed"],
    [["s"], [], "s", "t", "allowed", "allowed"],
    [["s"], [], "s2", "t", "refused", "allowed"],
    [["*"], ["s/t"], "s", "t", "allowed", "allowed"],
    [["*"], ["s/t"], "s", "t2", "allowed", "refused"],
    [["*"], ["s/t"], "s2", "t", "allowed", "refused"],
    [["*"], ["s/*"], "s", "anything", "allowed", "allowed"],
    [["*"], ["s/*"], "s2", "anything", "allowed", "refused"],
    [["*"], ["*/t"], "s2", "t", "allowed", "allowed"],
    [["*"], ["*/t"], "s2", "t2", "allowed", "refused"],
    [["*"], ["s/read_*"], "s", "read_file", "allowed", "allowed"],
    [["*"], ["s/read_*"], "s", "write_file", "allowed", "refused"],
    [["*"], ["s*/t"], "server", "t", "allowed", "allowed"],
    [["*"], ["s/t", "s2/t2"], "s2", "t2", "allowed", "allowed"],
    // Names are compared whole and in their case; of servers only the whole "*" is a wild card.
    [["S"], ["s/T"], "s", "t", "refused", "refused"],
    [["s*"], [], "server", "tool", "refused", "allowed"],
    [["*"], ["s/a/b"], "s", "a/b", "allowed", "allowed"],
    [["*"], ["t"], "s", "t", "allowed", "refused"],
  ])("servers %j, tools %j: %s/%s", (servers, tools, server, tool, onServer, onTool) => {
    expect(access({ servers, tools }).server(server)).toBe(onServer);
    expect(access({ servers, tools }).tool(server, tool)).toBe(onTool);
  });

  it("denies what is denied, whatever is allowed", () => {
    const lists = { tools: ["s/*"], denyTools: ["*/delete_*"] };
    expect(access(lists).tool("s", "read")).toBe("allowed");
    expect(access(lists).tool("s", "delete_all")).toBe("refused");
    expect(access({ denyPrompts: ["s/p"] }).prompt("s", "p")).toBe("refused");
    expect(access({ denyPrompts: ["s/p"] }).prompt("s2", "p")).toBe("allowed");
  });

  it("refuses names longer than 4,096 characters where patterns must be tried, and there only", () => {
    const [fitting, longer] = ["x".repeat(4_096), "x".repeat(4_097)];
    expect(access({ tools: ["s/*"] }).tool("s", fitting)).toBe("allowed");
    expect(access({ tools: ["s/*"] }).tool("s", longer)).toBe("refused");
    expect(access({ denyTools: ["s/y"] }).tool("s", longer)).toBe("refused");
    expect(access({}).tool("s", longer)).toBe("allowed");
  });

  it("keeps tools, resources and prompts apart", () => {
    const lists = { resources: ["s/file:///srv/*"] };
    expect(access(lists).resource("s", "file:///srv/a/b")).toBe("allowed");
    expect(access(lists).resource("s", "file:///etc/passwd")).toBe("refused");
    expect(access(lists).tool("s", "any")).toBe("allowed");
    expect(access(lists).prompt("s", "any")).toBe("allowed");
  });

  it.each([
    [["s/file:///srv/*"], [], "file:///{path}", "allowed"],
    [["s/file:///srv/*"], [], "file:///srv/{+path}", "allowed"],
    [["s/file:///srv/*"], [], "http://{host}/x", "refused"],
    [["s/file:///srv/x"], [], "file:///srv/{name}", "allowed"],
    [["s/file:///srv/x"], [], "file:///etc/{name}", "refused"],
    [["s/*.txt"], [], "file:///{name}.md", "refused"],
    [["s/*.txt"], [], "file:///{name}.t{rest}", "allowed"],
    [[], ["s/file:///srv/*"], "file:///srv/{path}", "refused"],
    [[], ["s/file:///srv/*"], "file:///{path}", "allowed"],
  ])(
    "resources %j, denied %j: the template %s is %s",
    (resources, denyResources, uriTemplate, expected) => {
      expect(access({ resources, denyResources }).template("s", uriTemplate)).toBe(expected);
    },
  );

  it("allows a template when some text fits it and a pattern", () => {
    // Two patterns that have a text in common have one that is no longer than both of them.
    const texts = textsUpTo(8);
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 4 });
    fc.assert(
      fc.property(pattern, pattern, (allowed, other) => {
        const both = texts.some((text) => fits(allowed, text) && fits(other, text));
        const verdict = access({ resources: [`s/${allowed}`] }).template(
          "s",
          other.replaceAll("*", "{x}"),
        );
        expect(verdict).toBe(both ? "allowed" : "refused");
      }),
      { numRuns: 1_000 },
    );
  });

  it("finds no template longer than 2,048 characters in patterns", () => {
    const lists = access({ resources: ["s/file:///*"] });
    const name = "a".repeat(2_048 - "file:///*".length);
    expect(lists.template("s", `file:///${name}{x}`)).toBe("allowed");
    expect(lists.template("s", `file:///${name}a{x}`)).toBe("refused");
    expect(access({}).template("s", `file:///${name}a{x}`)).toBe("allowed");
  });

  it("takes no longer for a template that is made to fit in many ways", () => {
    const resources = Array.from({ length: 1_000 }, (_, n) => `s/${"*a".repeat(100)}${n}*b`);
    const lists = access({ resources });
    const start = performance.now();
    expect(lists.template("s", "{x}a".repeat(1_000))).toBe("refused");
    expect(lists.template("s", "{x}{y}".repeat(50_000))).toBe("allowed");
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it("allows what key and team both allow", () => {
    const both = access({ tools: ["s/a", "s/b"] }, { servers: ["s"], tools: ["s/b", "s/c"] });
    expect(both.tool("s", "b")).toBe("allowed");
    expect(both.tool("s", "a")).toBe("refused");
    expect(both.tool("s", "c")).toBe("refused");
    expect(both.server("s2")).toBe("refused");
  });

  it("refuses nothing in scopes that only observe, and all that the others do", () => {
    const scopesMode = PolicyMode.OBSERVE;
    const observing = access({ servers: [], tools: ["s/a"], scopesMode });
    expect(observing.server("s")).toBe("observed");
    expect(observing.tool("s", "b")).toBe("observed");
    expect(observing.tool("s", "a")).toBe("allowed");
    const mixed = access({ tools: ["s/a"], scopesMode }, { denyTools: ["s/rm"] });
    expect(mixed.tool("s", "b")).toBe("observed");
    expect(mixed.tool("s", "rm")).toBe("refused");
  });
});

describe("patternOf", () => {
  it.each([
    ["file:///srv/x", "file:///srv/x"],
    ["file:///{path}", "file:///*"],
    ["{scheme}://{host}{/path}{?q,p}", "*://*"],
    ["{a}{b}*{c}", "*"],
    ["a{b", "a{b"],
    ["a{{b}c", "a{*c"],
  ])("of %s is %s", (uriTemplate, expected) => {
    expect(patternOf(uriTemplate)).toBe(expected);
  });
});
