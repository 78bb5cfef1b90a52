// Prints a file descriptor as .proto text. Needed because no npm package carries buf/validate/validate.proto,
// only its descriptor. Prints names, numbers, types, oneofs and extensions; leaves out options and comments, which
// matter to neither linting nor code generation of the files that import it.

const LABELS = { 1: "optional", 2: "required", 3: "repeated" };
const SCALARS = {
  1: "double",
  2: "float",
  3: "int64",
  4: "uint64",
  5: "int32",
  6: "fixed64",
  7: "fixed32",
  8: "bool",
  9: "string",
  12: "bytes",
  13: "uint32",
  15: "sfixed32",
  16: "sfixed64",
  17: "sint32",
  18: "sint64",
};

/**
 * @param {import("@bufbuild/protobuf/wkt").FileDescriptorProto} file a proto2 file
 * @returns {string}
 */
export function printProto(file) {
  const out = ['syntax = "proto2";', `package ${file.package};`];
  for (const dependency of file.dependency) out.push(`import "${dependency}";`);
  for (const message of file.messageType) out.push(...printMessage(message, `.${file.package}`));
  for (const enumeration of file.enumType) out.push(...printEnum(enumeration));
  for (const extension of file.extension)
    out.push(`extend ${extension.extendee} {`, ...printField(extension), "}");
  return out.join("\n") + "\n";
}

function printMessage(message, scope) {
  const name = `${scope}.${message.name}`;
  const entries = new Map(
    message.nestedType
      .filter((nested) => nested.options?.mapEntry)
      .map((nested) => [`${name}.${nested.name}`, nested]),
  );
  const out = [`message ${message.name} {`];
  for (const nested of message.nestedType)
    if (!nested.options?.mapEntry) out.push(...printMessage(nested, name));
  for (const enumeration of message.enumType) out.push(...printEnum(enumeration));
  message.oneofDecl.forEach((oneof, index) => {
    const members = message.field.filter((field) => inOneof(field) && field.oneofIndex === index);
    if (members.length === 0) return;
    out.push(`oneof ${oneof.name} {`, ...members.flatMap((field) => printField(field, true)), "}");
  });
  for (const field of message.field)
    if (!inOneof(field)) out.push(...printField(field, false, entries.get(field.typeName)));
  for (const range of message.extensionRange)
    out.push(`extensions ${range.start} to ${range.end > 536870911 ? "max" : range.end - 1};`);
  out.push("}");
  return out;
}

function inOneof(field) {
  return Object.hasOwn(field, "oneofIndex");
}

function printField(field, bare = false, mapEntry = undefined) {
  if (mapEntry) {
    const [key, value] = mapEntry.field.map(typeOf);
    return [`map<${key}, ${value}> ${field.name} = ${field.number};`];
  }
  const label = bare ? "" : `${LABELS[field.label]} `;
  return [`${label}${typeOf(field)} ${field.name} = ${field.number};`];
}

function printEnum(enumeration) {
  return [
    `enum ${enumeration.name} {`,
    ...enumeration.value.map((value) => `${value.name} = ${value.number};`),
    "}",
  ];
}

function typeOf(field) {
  return SCALARS[field.type] ?? field.typeName;
}
