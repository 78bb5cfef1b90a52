import { jsonTextOf, memberNamed, membersOf, type JsonText } from "../mcp/json-members.ts";
import { editsOfObject, splice, type ObjectChange } from "../mcp/json-splice.ts";

/** A change to requests on their way to a server, see gatewayops.auth.v1.Transformation. */
export type Transformation = {
  readonly target: "argument" | "header";
  readonly action: "set" | "rename" | "remove" | "default";
  /** JSON pointer (RFC 6901) of an argument, or name of a header in lower case. */
  readonly name: string;
  readonly newName: string;
  /** JSON of an argument, text of a header. */
  readonly value: string;
  /** True: it is not for certain tools only. */
  readonly isForAll: boolean;
  isFor(tool: string): boolean;
};

/**
 * The params of a tools/call with its arguments changed, in the order of the transformations. All that none of them names
 * stays byte by byte what it was.
 *
 * A pointer leads through objects only: where it meets anything else nothing is changed. `set` and `default` make the
 * objects on the way that are missing. `rename` takes the place of what has the new name already. What
 * stands twice is changed or removed twice; the last one counts, as parsers have it.
 *
 * @param params JSON of an object
 */
export function transformParams(
  params: Buffer,
  tool: string,
  transformations: readonly Transformation[],
): Buffer {
  let bytes = params;
  for (const transformation of transformations)
    if (transformation.target === "argument" && transformation.isFor(tool))
      bytes = transformed(bytes, transformation);
  return bytes;
}

/** True when the arguments of a tool are changed at all. */
export function changesArguments(
  tool: string,
  transformations: readonly Transformation[],
): boolean {
  return transformations.some((one) => one.target === "argument" && one.isFor(tool));
}

/**
 * The headers of a request to a server, changed in the order of the transformations. Names are in lower case.
 *
 * @param headers flat: name, value, name, value
 * @param tool undefined when the request calls none: only what is not for certain tools applies
 */
export function transformHeaders(
  headers: readonly string[],
  tool: string | undefined,
  transformations: readonly Transformation[],
): string[] {
  let changed = [...headers];
  for (const one of transformations)
    if (one.target === "header" && (tool === undefined ? one.isForAll : one.isFor(tool)))
      changed = changedHeaders(changed, one);
  return changed;
}

function changedHeaders(
  headers: string[],
  { action, name, newName, value }: Transformation,
): string[] {
  const values = headers.filter((_, index) => index % 2 === 1 && headers[index - 1] === name);
  switch (action) {
    case "set":
      return [...without(headers, name), name, value];
    case "default":
      return values.length > 0 ? headers : [...headers, name, value];
    case "remove":
      return without(headers, name);
    case "rename":
      if (values.length === 0) return headers;
      return [
        ...without(without(headers, name), newName),
        ...values.flatMap((one) => [newName, one]),
      ];
  }
}

function without(headers: readonly string[], name: string): string[] {
  return headers.filter((_, index) => headers[index - (index % 2)] !== name);
}

function transformed(params: Buffer, transformation: Transformation): Buffer {
  const json = jsonTextOf(params);
  const path = ["arguments", ...segmentsOf(transformation.name)];
  const found = follow(json, path);
  if (!found) return params;
  const change = changeOf(json, found, transformation);
  return change ? splice(params, editsOfObject(json, found.offset, change)) : params;
}

/** RFC 6901 §4: "~1" is a slash and "~0" a tilde, in this order. */
function segmentsOf(pointer: string): string[] {
  return pointer
    .slice(1)
    .split("/")
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** How far a path leads. */
type Place = {
  /** Where the last object on the way begins. */
  readonly offset: number;
  /** The member of it that the path names. */
  readonly name: string;
  /** Names that would follow, were that member there. Empty: it is the end of the path. */
  readonly missing: readonly string[];
};

/** Undefined when something on the way is no object. */
function follow(json: JsonText, path: readonly string[]): Place | undefined {
  let offset = 0;
  for (const [index, name] of path.entries()) {
    if (!isObjectAt(json, offset)) return undefined;
    const rest = path.slice(index + 1);
    // Of members of one name the last one counts, as parsers have it.
    const member = membersOf(json, offset).findLast(({ key }) => key === name);
    if (!member || rest.length === 0) return { offset, name, missing: rest };
    offset = member.start;
  }
  return undefined;
}

function isObjectAt({ text }: JsonText, offset: number): boolean {
  let at = offset;
  while (" \n\r\t".includes(text.charAt(at)) && at < text.length) at++;
  return text[at] === "{";
}

function changeOf(
  json: JsonText,
  { offset, name, missing }: Place,
  { action, newName, value }: Transformation,
): ObjectChange | undefined {
  const members = membersOf(json, offset);
  const isThere = memberNamed(members, name) !== undefined;
  switch (action) {
    case "set":
      return { set: new Map([[name, nested(missing, value)]]) };
    case "default":
      return isThere ? undefined : { set: new Map([[name, nested(missing, value)]]) };
    case "remove":
      return isThere && missing.length === 0 ? { remove: new Set([name]) } : undefined;
    case "rename": {
      const member = members.findLast(({ key }) => key === name);
      if (!member || missing.length > 0 || newName === name) return undefined;
      const text = json.bytes.toString("utf8", member.start, member.end);
      return { set: new Map([[newName, text]]), remove: new Set([name]) };
    }
  }
}

function nested(path: readonly string[], value: string): string {
  return path.reduceRight((inner, name) => `{${JSON.stringify(name)}:${inner}}`, value);
}
