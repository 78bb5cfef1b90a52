import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { KnownTool as KnownToolMessage } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { hexOf } from "@gatewayops/platform/ids";

/** What svc-auth knows of a server's tool. */
export type KnownTool = {
  readonly isEnabled: boolean;
  /** SHA-256 of its definition in hexadecimal digits; empty when the definition is not known. */
  readonly hash: string;
  /** When its definition changed, milliseconds since 1970; undefined when it is the first that is known. */
  readonly changeTimeMs: number | undefined;
};

export type KnownTools = ReadonlyMap<string, KnownTool>;

export function knownToolsFrom(tools: readonly KnownToolMessage[]): KnownTools {
  return new Map(
    tools.map((tool) => [
      tool.name,
      {
        isEnabled: !tool.disabled,
        hash: hexOf(tool.definitionHash),
        changeTimeMs: tool.definitionChangeTime && timestampMs(tool.definitionChangeTime),
      },
    ]),
  );
}
