import {
  ArgumentValidation,
  TransformationAction,
  TransformationTarget,
  type McpServerSettings,
  type Transformation as TransformationMessage,
} from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import { createWildcard, type Wildcard } from "@gatewayops/platform/wildcard";
import type { Transformation } from "../policy/transformations.ts";

/** How requests to a server are checked, changed and repeated. */
export type UpstreamSettings = {
  readonly validateArguments: "off" | "observe" | "enforce";
  readonly transformations: readonly Transformation[];
  /** True when a call of the tool may be repeated. */
  isIdempotent(tool: string): boolean;
};

export function upstreamSettingsFrom(settings: McpServerSettings | undefined): UpstreamSettings {
  const idempotent = (settings?.idempotentTools ?? []).map(createWildcard);
  return {
    validateArguments:
      VALIDATIONS.get(settings?.validateArguments ?? ArgumentValidation.UNSPECIFIED) ?? "off",
    transformations: (settings?.transformations ?? []).flatMap(transformationFrom),
    isIdempotent: (tool) => fitsOne(idempotent, tool),
  };
}

const VALIDATIONS: ReadonlyMap<ArgumentValidation, "observe" | "enforce"> = new Map([
  [ArgumentValidation.OBSERVE, "observe"],
  [ArgumentValidation.ENFORCE, "enforce"],
]);

const ACTIONS: ReadonlyMap<TransformationAction, Transformation["action"]> = new Map([
  [TransformationAction.SET, "set"],
  [TransformationAction.RENAME, "rename"],
  [TransformationAction.REMOVE, "remove"],
  [TransformationAction.DEFAULT, "default"],
]);

/** One that this program does not know is none: svc-auth may be newer. */
function transformationFrom(message: TransformationMessage): Transformation[] {
  const action = ACTIONS.get(message.action);
  if (action === undefined || message.target === TransformationTarget.UNSPECIFIED) return [];
  const tools = message.tools.map(createWildcard);
  return [
    {
      target: message.target === TransformationTarget.HEADER ? "header" : "argument",
      action,
      name: message.name,
      newName: message.newName,
      value: message.value,
      isForAll: tools.length === 0,
      isFor: (tool) => tools.length === 0 || fitsOne(tools, tool),
    },
  ];
}

function fitsOne(patterns: readonly Wildcard[], name: string): boolean {
  for (const fits of patterns) if (fits(name)) return true;
  return false;
}
