import { elementsOf, membersOf, type JsonText } from "../mcp/json-members.ts";
import type { Edit } from "../mcp/json-splice.ts";

/** A method that lists, with the member of its result that is the list, and the member that names an entry. */
export const LISTS = {
  "tools/list": { list: "tools", key: "name" },
  "prompts/list": { list: "prompts", key: "name" },
  "resources/list": { list: "resources", key: "uri" },
  "resources/templates/list": { list: "resourceTemplates", key: "uriTemplate" },
} as const;

export type ListMethod = keyof typeof LISTS;

export function isListMethod(method: string): method is ListMethod {
  return Object.hasOwn(LISTS, method);
}

/**
 * The edits that leave in the result of a list the entries that may be seen. All else of it, the cursor of the next page
 * too, stays byte by byte what it was.
 *
 * @param resultOffset where the result's object begins
 * @param isVisible told the name, URI or URI template of an entry; an entry without one is never seen
 */
export function editsOfList(
  json: JsonText,
  resultOffset: number,
  method: ListMethod,
  isVisible: (name: string) => boolean,
): Edit[] {
  const { list, key } = LISTS[method];
  // One that stands twice is cut twice, whichever of them the agent's parser takes.
  return membersOf(json, resultOffset)
    .filter((member) => member.key === list && json.text[member.start] === "[")
    .flatMap(({ start }) =>
      editsOfElements(json, start, (element) =>
        namesOf(json, element.start, key).every((name) => name !== undefined && isVisible(name)),
      ),
    );
}

type Range = { readonly start: number; readonly end: number };

function editsOfElements(
  json: JsonText,
  offset: number,
  stays: (element: Range) => boolean,
): Edit[] {
  const elements = elementsOf(json, offset);
  const kept = elements.filter(stays);
  if (kept.length === elements.length) return [];
  const [first, last] = [elements[0], elements.at(-1)];
  const lastKept = kept.at(-1);
  if (!first || !last) return [];
  if (!lastKept) return [{ start: first.start, end: last.end, with: "" }];
  const staying = new Set(kept);
  const edits: Edit[] = [];
  for (const [index, element] of elements.entries()) {
    const next = elements[index + 1];
    // With the comma after it; behind the last one that stays, all go with the comma before them.
    if (next && !staying.has(element) && element.start < lastKept.start)
      edits.push({ start: element.start, end: next.start, with: "" });
  }
  if (last !== lastKept) edits.push({ start: lastKept.end, end: last.end, with: "" });
  return edits;
}

/** What an entry is named: more than one name when the member stands twice, and undefined for what is no text. */
function namesOf(json: JsonText, offset: number, key: string): (string | undefined)[] {
  if (json.text[offset] !== "{") return [undefined];
  const values = membersOf(json, offset)
    .filter((member) => member.key === key)
    .map(({ start, end }) => JSON.parse(json.bytes.toString("utf8", start, end)) as unknown);
  return values.length === 0
    ? [undefined]
    : values.map((value) => (typeof value === "string" ? value : undefined));
}
