import {
  ArgumentValidation,
  TransformationAction,
  TransformationTarget,
  type McpServerSettings,
} from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import { NO_SETTINGS, type ServerSettings, type Transformation } from "./server-settings.ts";

export function toSettings(settings: ServerSettings) {
  return {
    validateArguments: VALIDATIONS[settings.validateArguments],
    transformations: settings.transformations.map((transformation) => ({
      ...transformation,
      target: TARGETS[transformation.target],
      action: ACTIONS[transformation.action],
      tools: [...transformation.tools],
    })),
    idempotentTools: [...settings.idempotentTools],
  };
}

export function settingsFrom(message: McpServerSettings | undefined): ServerSettings {
  if (!message) return NO_SETTINGS;
  return {
    validateArguments: nameOf(VALIDATIONS, message.validateArguments, "off"),
    transformations: message.transformations.map((one): Transformation => {
      const target = nameOf(TARGETS, one.target, "argument");
      return {
        target,
        action: nameOf(ACTIONS, one.action, "set"),
        // Names of headers have no case; those of arguments do.
        name: target === "header" ? one.name.toLowerCase() : one.name,
        newName: target === "header" ? one.newName.toLowerCase() : one.newName,
        value: one.value,
        tools: [...new Set(one.tools)],
      };
    }),
    idempotentTools: [...new Set(message.idempotentTools)],
  };
}

const VALIDATIONS = {
  off: ArgumentValidation.OFF,
  observe: ArgumentValidation.OBSERVE,
  enforce: ArgumentValidation.ENFORCE,
} as const;

const TARGETS = {
  argument: TransformationTarget.ARGUMENT,
  header: TransformationTarget.HEADER,
} as const;

const ACTIONS = {
  set: TransformationAction.SET,
  rename: TransformationAction.RENAME,
  remove: TransformationAction.REMOVE,
  default: TransformationAction.DEFAULT,
} as const;

function nameOf<Name extends string>(
  values: Readonly<Record<Name, number>>,
  value: number,
  unspecified: NoInfer<Name>,
): Name {
  const names = Object.keys(values) as Name[];
  return names.find((name) => values[name] === value) ?? unspecified;
}
