import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type {
  CallSchema,
  TailTracesResponseSchema,
} from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import type { CallRecord } from "../traces/trace-store.ts";
import { HEARTBEAT_MS, type NewCalls } from "./tail-listener.ts";

/** Calls as messages, with names; only those that were asked for. */
export type ShowCalls = (
  calls: readonly CallRecord[],
) => Promise<MessageInitShape<typeof CallSchema>[]>;

/**
 * The messages of TailTraces: one at once, one for each lot of new calls that the request asks for, and one as a sign of
 * life when there were none for a while.
 */
export async function* tailMessages(
  stream: AsyncIterable<NewCalls>,
  show: ShowCalls,
): AsyncGenerator<MessageInitShape<typeof TailTracesResponseSchema>> {
  let toldMs = Number.NEGATIVE_INFINITY;
  let skipped = 0;
  for await (const news of stream) {
    const calls = news.calls.length === 0 ? [] : await show(news.calls);
    skipped += news.skipped;
    if (calls.length === 0 && performance.now() - toldMs < HEARTBEAT_MS) continue;
    toldMs = performance.now();
    yield {
      calls,
      skippedCalls: skipped,
      ...(news.storedMs === 0 ? {} : { time: timestampFromMs(news.storedMs) }),
    };
    skipped = 0;
  }
}
