import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, it } from "@jest/globals";
import { until } from "./engine-redis.ts";
import type { SdkClient } from "./sdk-clients.ts";
import { WAITING_TOOL, type WaitingTool } from "./waiting-tool.ts";

export type Era = "legacy" | "modern";

export type Cell = {
  /** The era the client must come to speak. */
  readonly agent: Era;
  /** The era of the server's fixture. */
  readonly server: Era;
  /** A client that has connected through the gateway. */
  connect(): Promise<SdkClient>;
  /** The fixture's own account of the calls that wait. */
  waiting(): WaitingTool;
};

const WATCHED = "test://watched-resource";

/** What arrives whatever the eras of agent and server are. */
export function describeCell(name: string, { agent, server, connect, waiting }: Cell): void {
  let client: SdkClient | undefined;

  async function connected(): Promise<SdkClient> {
    client = await connect();
    return client;
  }

  const heardOf = (method: string): SdkClient["heard"] =>
    client?.heard.filter((one) => one.method === method) ?? [];

  describe(name, () => {
    afterEach(async () => {
      await client?.close();
      client = undefined;
    });

    it("agrees on a version of the agent's era, and lists and calls tools", async () => {
      const { version, serverName, listTools, call } = await connected();
      expect(version).toBe(agent === "legacy" ? "2025-11-25" : "2026-07-28");
      expect(serverName).toBe(`${server}-fixture`);
      expect(await listTools()).toContain("test_simple_text");
      expect(await call("test_simple_text")).toBe("This is a simple text response for testing.");
    });

    it("gets resources, prompts and completions", async () => {
      const { listResources, readResource, listPrompts, getPrompt, complete } = await connected();
      expect(await listResources()).toContain("test://static-text");
      expect(await readResource("test://static-text")).toBe(
        "This is the content of the static text resource.",
      );
      expect(await listPrompts()).toContain("test_simple_prompt");
      expect(await getPrompt("test_simple_prompt")).toBe(1);
      const values = await complete("test_prompt_with_arguments", "arg1");
      expect(values.length).toBeGreaterThan(0);
    });

    it("gets progress while a tool runs", async () => {
      const { call } = await connected();
      const seen: number[] = [];
      await call("test_tool_with_progress", {}, { onProgress: (at) => seen.push(at) });
      expect(seen).toEqual([0, 50, 100]);
    });

    it("gets log messages of the level it asks for, and none of a lesser one", async () => {
      const { call, setLogLevel } = await connected();
      await setLogLevel("error");
      await call("test_tool_with_logging");
      expect(heardOf("notifications/message")).toEqual([]);
      await setLogLevel("info");
      await call("test_tool_with_logging");
      await until("the log messages have arrived", () => {
        return heardOf("notifications/message").length >= 3;
      });
      expect(heardOf("notifications/message").map(({ params }) => params["data"])).toEqual([
        "Tool execution started",
        "Tool processing data",
        "Tool execution completed",
      ]);
    });

    it("is asked by elicitation, sampling and for roots, one after the other and at once", async () => {
      const { call } = await connected();
      expect(await call("test_input_required_result_elicitation")).toBe("Hello, Ada!");
      expect(await call("test_input_required_result_sampling")).toBe("Paris");
      expect(await call("test_input_required_result_list_roots")).toBe("Roots: file:///work");
      expect(await call("test_input_required_result_multi_round")).toBe("Ada likes green.");
      expect(await call("test_input_required_result_multiple_inputs")).toBe(
        "Paris Ada: file:///work",
      );
    }, 20_000);

    it("cancels a call, of which the server hears", async () => {
      const { call } = await connected();
      const id = randomUUID();
      const stop = new AbortController();
      const outcome = call(WAITING_TOOL, { id }, { signal: stop.signal }).then(
        () => "answered",
        () => "given up",
      );
      await until("the call has begun", () => waiting().begun.has(id));
      stop.abort(new Error("the test cancels"));
      expect(await outcome).toBe("given up");
      await until("the server has heard of it", () => waiting().cancelled.has(id));
    });

    it("hears that a resource it watches, and the list of tools, have changed", async () => {
      const { call, watch } = await connected();
      await watch(WATCHED);
      // A legacy agent's stream may not stand yet when the first change is told.
      await until("a change of the resource is heard of", async () => {
        await call("test_update_watched_resource");
        return heardOf("notifications/resources/updated").length > 0;
      });
      expect(heardOf("notifications/resources/updated")[0]?.params).toMatchObject({ uri: WATCHED });
      await until("a change of the list is heard of", async () => {
        await call("test_trigger_tool_change");
        return heardOf("notifications/tools/list_changed").length > 0;
      });
    }, 20_000);
  });
}
