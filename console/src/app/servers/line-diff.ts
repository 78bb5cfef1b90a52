/** A line of a comparison: in both texts, or in one of them only. */
export interface DiffLine {
  readonly kind: "same" | "added" | "removed";
  readonly text: string;
}

/** Lines beyond which texts are not compared: the time grows with the product. */
const LINES_MAX = 2_000;

/** What changed from one text to another, by a longest common subsequence of their lines. */
export function lineDiff(before: string, after: string): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  if (a.length > LINES_MAX || b.length > LINES_MAX)
    return [...a.map((text) => line("removed", text)), ...b.map((text) => line("added", text))];
  // common[i][j]: lines that a from i on and b from j on have in common.
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const [left, right] = [a[i], b[j]];
    if (left !== undefined && left === right) {
      lines.push(line("same", left));
      i++;
      j++;
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(line("removed", left));
      i++;
    } else {
      lines.push(line("added", right ?? ""));
      j++;
    }
  }
  return lines;
}

/** JSON with a line for each value; what is no JSON as it is. */
export function prettyJson(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json; // Too long to be kept, so there is none, or cut by who serves it.
  }
}

function line(kind: DiffLine["kind"], text: string): DiffLine {
  return { kind, text };
}
