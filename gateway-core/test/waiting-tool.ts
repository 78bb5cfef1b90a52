import type { PlainTool } from "./conformance/fixtures/tools.ts";
import { textResult } from "./conformance/fixtures/content.ts";

/** A tool that waits until its caller cancels it, and what became of its calls, by the `id` each was given. */
export type WaitingTool = {
  readonly tool: PlainTool;
  readonly begun: ReadonlySet<string>;
  readonly cancelled: ReadonlySet<string>;
};

export const WAITING_TOOL = "wait_for_cancellation";
/** Milliseconds after which a call that nobody cancels ends: longer than any test waits. */
const GIVES_UP_MS = 25_000;

export function createWaitingTool(): WaitingTool {
  const begun = new Set<string>();
  const cancelled = new Set<string>();
  return {
    begun,
    cancelled,
    tool: {
      name: WAITING_TOOL,
      description: "Waits until it is cancelled.",
      inputSchema: { type: "object", properties: { id: { type: "string" } }, required: ["id"] },
      async call({ signal }, { id }) {
        begun.add(String(id));
        const isCancelled = await new Promise<boolean>((resolve) => {
          const timer = setTimeout(() => {
            resolve(false);
          }, GIVES_UP_MS);
          signal.addEventListener("abort", () => {
            clearTimeout(timer);
            resolve(true);
          });
        });
        if (isCancelled) cancelled.add(String(id));
        return textResult(isCancelled ? "cancelled" : "nobody cancelled it");
      },
    },
  };
}
