/** A range of bytes and what stands in its place. An empty range inserts. */
export type Edit = { readonly start: number; readonly end: number; readonly with: Buffer | string };

/**
 * Replaces ranges of bytes and leaves all others as they are.
 *
 * @param edits in any order; ranges must not overlap. Where two insert at one place, the earlier in the list comes first.
 * @throws RangeError when ranges overlap or lie outside of the bytes
 */
export function splice(bytes: Buffer, edits: readonly Edit[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  // The sort is stable: insertions at one place keep their order.
  for (const edit of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (edit.start < at || edit.end < edit.start || edit.end > bytes.length)
      throw new RangeError(`No edit fits at ${edit.start} to ${edit.end}.`);
    parts.push(
      bytes.subarray(at, edit.start),
      typeof edit.with === "string" ? Buffer.from(edit.with) : edit.with,
    );
    at = edit.end;
  }
  parts.push(bytes.subarray(at));
  return Buffer.concat(parts);
}
