import { memberNamed, membersOf, type JsonText } from "./json-members.ts";

/** A range of bytes and what stands in its place. An empty range inserts. */
export type Edit = { readonly start: number; readonly end: number; readonly with: Buffer | string };

/**
 * The bytes with ranges replaced; all others are the same bytes.
 *
 * @param edits in any order; they may touch. Where two insert at one place, the earlier in the list comes first.
 * @throws RangeError when they overlap or lie outside of the bytes
 */
export function splice(bytes: Buffer, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return bytes;
  const parts: Buffer[] = [];
  let at = 0;
  for (const { start, end, with: inserted } of [...edits].sort(
    (a, b) => a.start - b.start || a.end - b.end,
  )) {
    if (start < at || end < start || end > bytes.length)
      throw new RangeError(`No edit fits at ${start} to ${end}.`);
    parts.push(
      bytes.subarray(at, start),
      typeof inserted === "string" ? Buffer.from(inserted) : inserted,
    );
    at = end;
  }
  parts.push(bytes.subarray(at));
  return Buffer.concat(parts);
}

/** What changes in one object of a message. */
export type ObjectChange = {
  /** Members by name and their new value as JSON text: replaced where they stand, else added at the end. */
  readonly set?: ReadonlyMap<string, string>;
  readonly remove?: ReadonlySet<string>;
};

/** The edits that change members of the object at an offset, and leave all else of it as it is. */
export function editsOfObject(json: JsonText, offset: number, change: ObjectChange): Edit[] {
  const members = membersOf(json, offset);
  const kept = members.filter(({ key }) => change.remove?.has(key) !== true);
  const staying = new Set(kept);
  const added = [...(change.set ?? [])]
    .filter(([key]) => memberNamed(kept, key) === undefined)
    .map(([key, value]) => `${JSON.stringify(key)}:${value}`)
    .join(",");
  const edits: Edit[] = [];
  for (const { key, start, end } of kept) {
    const text = change.set?.get(key);
    if (text !== undefined) edits.push({ start, end, with: text });
  }
  const lastKept = kept.at(-1);
  const last = members.at(-1);
  for (const [index, member] of members.entries()) {
    const next = members[index + 1];
    if (staying.has(member) || !next || !lastKept || member.start > lastKept.start) continue;
    edits.push({ start: member.keyStart, end: next.keyStart, with: "" });
  }
  // What ends the object: members removed there go with the comma before them, and what is added comes after.
  if (!lastKept || !last) {
    const start = members[0]?.keyStart ?? json.bytes.indexOf("{", offset) + 1;
    const end = last?.end ?? start;
    if (end > start || added !== "") edits.push({ start, end, with: added });
  } else if (last !== lastKept || added !== "") {
    edits.push({ start: lastKept.end, end: last.end, with: added === "" ? "" : `,${added}` });
  }
  return edits;
}
