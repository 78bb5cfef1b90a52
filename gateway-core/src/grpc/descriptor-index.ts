import type { AnyDesc, DescFile, DescService } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";

/** Finds the .proto files behind a set of services, as gRPC's reflection asks for them. */
export type DescriptorIndex = {
  /** Full names. */
  readonly services: readonly string[];
  file(name: string): DescFile | undefined;
  /** The file that declares a message, field, enum, value, extension, service or method. */
  fileOf(symbol: string): DescFile | undefined;
  /** Extensions of a message by number; undefined when no such message is known. */
  extensionsOf(message: string): ReadonlyMap<number, DescFile> | undefined;
};

export function createDescriptorIndex(services: readonly DescService[]): DescriptorIndex {
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  for (const { file } of services) for (const one of withImports(file)) add(one);
  return {
    services: services.map(({ typeName }) => typeName),
    file: (name) => files.get(name),
    fileOf: (symbol) => symbols.get(symbol),
    extensionsOf: (message) => extensions.get(message),
  };

  function add(file: DescFile): void {
    if (files.has(nameOf(file))) return;
    files.set(nameOf(file), file);
    for (const type of nestedTypes(file)) {
      for (const symbol of symbolsOf(type)) symbols.set(symbol, file);
      if (type.kind === "message") extensionsOf(type.typeName);
      if (type.kind === "extension") extensionsOf(type.extendee.typeName).set(type.number, file);
    }
  }

  function extensionsOf(message: string): Map<number, DescFile> {
    const known = extensions.get(message);
    if (known) return known;
    const none = new Map<number, DescFile>();
    extensions.set(message, none);
    return none;
  }
}

/** The file and all that it needs, imports first. */
export function withImports(file: DescFile): DescFile[] {
  const found = new Set<DescFile>();
  const visit = (one: DescFile): void => {
    if (found.has(one)) return;
    for (const imported of one.dependencies) visit(imported);
    found.add(one);
  };
  visit(file);
  return [...found];
}

/** The file's name as other files import it. */
export function nameOf({ proto }: DescFile): string {
  return proto.name;
}

function symbolsOf(type: AnyDesc): string[] {
  switch (type.kind) {
    case "message":
      return [
        type.typeName,
        ...type.fields.map(({ name }) => `${type.typeName}.${name}`),
        ...type.oneofs.map(({ name }) => `${type.typeName}.${name}`),
      ];
    case "enum": {
      // Values stand beside their enum, not in it.
      const scope = type.typeName.slice(0, type.typeName.lastIndexOf(".") + 1);
      return [type.typeName, ...type.values.map(({ name }) => `${scope}${name}`)];
    }
    case "extension":
      return [type.typeName];
    case "service":
      return [type.typeName, ...type.methods.map(({ name }) => `${type.typeName}.${name}`)];
    default:
      return [];
  }
}
