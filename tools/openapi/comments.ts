import type { DescEnum, DescEnumValue, DescField, DescFile } from "@bufbuild/protobuf";
import type { DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";

/** Something that has a comment in its .proto. Nested messages and enums are not used in the contract. */
export type Commented =
  DescMessage | DescField | DescEnum | DescEnumValue | DescService | DescMethod;

/** The comment before a declaration, as one line. Empty when the descriptors carry none. */
export function commentOf(desc: Commented): string {
  const path = pathOf(desc).join(".");
  const found = fileOf(desc).proto.sourceCodeInfo?.location.find(
    (location) => location.path.join(".") === path,
  );
  return (found?.leadingComments ?? "").trim().replaceAll(/\s*\n\s*/g, " ");
}

// Field numbers of descriptor.proto: a location's path leads through them (SourceCodeInfo.Location.path).
const MESSAGE_TYPE = 4;
const ENUM_TYPE = 5;
const SERVICE = 6;
const MEMBER = 2;

function pathOf(desc: Commented): number[] {
  switch (desc.kind) {
    case "message":
      return [MESSAGE_TYPE, desc.file.proto.messageType.indexOf(desc.proto)];
    case "field":
      return [...pathOf(desc.parent), MEMBER, desc.parent.proto.field.indexOf(desc.proto)];
    case "enum":
      return [ENUM_TYPE, desc.file.proto.enumType.indexOf(desc.proto)];
    case "enum_value":
      return [...pathOf(desc.parent), MEMBER, desc.parent.proto.value.indexOf(desc.proto)];
    case "service":
      return [SERVICE, desc.file.proto.service.indexOf(desc.proto)];
    case "rpc":
      return [...pathOf(desc.parent), MEMBER, desc.parent.proto.method.indexOf(desc.proto)];
  }
}

function fileOf(desc: Commented): DescFile {
  return "file" in desc ? desc.file : desc.parent.file;
}
