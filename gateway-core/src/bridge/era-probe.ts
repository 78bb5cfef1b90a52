import type { Era } from "../mcp/message.ts";
import { discoverMessage, VERSION_UNSUPPORTED } from "../upstream/era.ts";
import type { OpenChannel } from "./channel.ts";

const DISCOVER_ID = 0;
const DISCOVER = Buffer.from(discoverMessage(DISCOVER_ID));
const SILENCE_MS = 5_000;

export type FoundEra = {
  readonly era: Era;
  /** False when the server said nothing at all: it may only have been slow to start. */
  readonly isCertain: boolean;
};

/**
 * Asks a server which era it speaks, over a channel that is thrown away: some end at a message before `initialize`
 * (MCP 2026-07-28 transports/stdio §Backward Compatibility).
 *
 * @throws Failure when the channel cannot be opened
 */
export function probeEra(open: OpenChannel): Promise<FoundEra> {
  return new Promise((resolve, reject) => {
    const channel = open({
      onMessage(message) {
        const era = eraFrom(message);
        if (era) end({ era, isCertain: true });
      },
      onClosed(failure) {
        if (failure.reason === "UPSTREAM_UNREACHABLE") {
          clearTimeout(timer);
          reject(failure);
        } else end({ era: "legacy", isCertain: true });
      },
    });
    const timer = setTimeout(() => {
      end({ era: "legacy", isCertain: false });
    }, SILENCE_MS);
    // What cannot be sent is not answered.
    channel.send(DISCOVER, {}).catch(() => undefined);

    function end(found: FoundEra): void {
      clearTimeout(timer);
      channel.close();
      resolve(found);
    }
  });
}

type Answer = {
  id?: unknown;
  result?: { supportedVersions?: unknown };
  error?: { code?: unknown; data?: { supported?: unknown } };
};

/** Undefined: the message is not the answer. */
function eraFrom(message: Buffer): Era | undefined {
  let answer: Answer | null;
  try {
    answer = JSON.parse(message.toString("utf8")) as Answer | null;
  } catch {
    return undefined; // printed by mistake
  }
  if (answer?.id !== DISCOVER_ID) return undefined;
  const { result, error } = answer;
  const isModern =
    Array.isArray(result?.supportedVersions) ||
    (error?.code === VERSION_UNSUPPORTED && Array.isArray(error.data?.supported));
  return isModern ? "modern" : "legacy";
}
