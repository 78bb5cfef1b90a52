/** Tells whether a text fits a pattern in which "*" stands for any run of characters. */
export type Wildcard = (text: string) => boolean;

/**
 * Compiles a pattern. Matching takes time linear in the text, whatever the pattern: both may come from outside.
 *
 * A pattern fits another pattern, read as a text, exactly when it fits all that the other one does: nothing but "*" fits
 * a "*".
 */
export function createWildcard(pattern: string): Wildcard {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return (text) => text === pattern;
  const middle = rest.filter((part) => part !== "").map(createFinder);
  const leastLength = pattern.replaceAll("*", "").length;
  return (text) => {
    if (text.length < leastLength || !text.startsWith(first) || !text.endsWith(last)) return false;
    // The leftmost place of each part leaves the most room for the next, so no other needs to be tried.
    let at = first.length;
    const end = text.length - last.length;
    for (const endOfNext of middle) {
      at = endOfNext(text, at, end);
      if (at < 0) return false;
    }
    return true;
  };
}

/** Finds where the first occurrence of a part ends, between two offsets; -1 for none. Never looks back in the text. */
function createFinder(part: string): (text: string, from: number, end: number) => number {
  // Knuth, Morris and Pratt: of each prefix the length of its longest proper prefix that ends it.
  const borders = new Uint32Array(part.length + 1);
  for (let length = 2; length <= part.length; length++)
    borders[length] = step(borders[length - 1] ?? 0, part.charCodeAt(length - 1));
  return (text, from, end) => {
    let matched = 0;
    for (let at = from; at < end; at++) {
      matched = step(matched, text.charCodeAt(at));
      if (matched === part.length) return at + 1;
    }
    return -1;
  };

  function step(matched: number, unit: number): number {
    let length = matched;
    while (length > 0 && part.charCodeAt(length) !== unit) length = borders[length] ?? 0;
    return part.charCodeAt(length) === unit ? length + 1 : length;
  }
}
