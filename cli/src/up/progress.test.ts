import { describe, expect, it } from "@jest/globals";
import { createProgress, plainRenderer, terminalRenderer } from "./progress.ts";

/** A progress whose clock goes on by half a second at each look. */
function setUp(): { progress: ReturnType<typeof createProgress>; text: () => string } {
  let text = "";
  let ms = 0;
  const render = plainRenderer((part) => {
    text += part;
  });
  return { progress: createProgress(render, () => (ms += 500)), text: () => text };
}

describe("plainRenderer", () => {
  it("tells each step once, with its time and note", async () => {
    const { progress, text } = setUp();
    const answer = await progress.step("redis", (end) => {
      end("port 1");
      return Promise.resolve(7);
    });
    progress.say("a line");
    expect(answer).toBe(7);
    expect(text()).toBe("✓ redis 0.5 s (port 1)\na line\n");
  });

  it("tells a failed step and hands the failure on", async () => {
    const { progress, text } = setUp();
    const failing = progress.step("redis", () => Promise.reject(new Error("no")));
    await expect(failing).rejects.toThrow("no");
    expect(text()).toBe("✗ redis 0.5 s\n");
  });
});

describe("terminalRenderer", () => {
  it("draws what is being done on one line no wider than the terminal", () => {
    const parts: string[] = [];
    const render = terminalRenderer(
      (part) => parts.push(part),
      () => 0,
      () => 24,
    );
    render({ kind: "begin", step: "postgres" });
    render({ kind: "begin", step: "clickhouse" });
    // eslint-disable-next-line no-control-regex -- what is left is what a person sees
    const seen = (parts.at(-1) ?? "").replace(/\r|\u001b\[2K/g, "");
    expect(seen).toMatch(/^. postgres 0\.0 s/);
    expect(seen.length).toBeLessThanOrEqual(24);
    render({ kind: "done", step: "postgres", ms: 100, note: "" });
    render({ kind: "done", step: "clickhouse", ms: 100, note: "" });
    expect(parts.at(-1)).toContain("✓ clickhouse 0.1 s\n");
  });
});
