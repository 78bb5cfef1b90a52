/** Texts that one place of a pattern may be tried with at most, all its choices of length together. */
const CHOICES_MAX = 1_024;
/** Bounded repetitions beyond this count as unbounded. */
const BOUND_MAX = 64;

/**
 * True when matching a regular expression of JSON Schema takes time linear in the text, in an engine that tries one way
 * after the other: it repeats nothing without bound but one single character or class, and that only when it begins at
 * the text's beginning. What is true and not seen here, as of `^(a|b)+$`, is refused: better too few patterns than
 * one that stops a worker.
 */
export function isLinear(pattern: string): boolean {
  let choices = 1;
  let unbounded = 0;
  let afterGroup = false;
  for (let at = 0; at < pattern.length;) {
    const token = tokenAt(pattern, at);
    if (token === undefined) return false;
    at += token.length;
    if (token.startsWith("(?") && token !== "(?:") return false;
    if (/^\\[1-9k]/.test(token)) return false;
    const bounds = boundsOf(token);
    if (bounds) {
      if (afterGroup && !(bounds.least === bounds.most && bounds.most <= 1)) return false;
      if (bounds.most - bounds.least > BOUND_MAX) unbounded++;
      else choices *= bounds.most - bounds.least + 1;
      // A lazy quantifier tries the same lengths in another order.
      if (pattern[at] === "?") at++;
    } else if (token === "|") {
      choices *= 2;
    }
    afterGroup = token === ")";
  }
  if (choices > CHOICES_MAX) return false;
  const isAnchored = pattern.startsWith("^") && !pattern.includes("|");
  return unbounded === 0 || (unbounded === 1 && isAnchored);
}

/** The character, class, escape, quantifier or bracket at an offset; undefined when there is none that is understood. */
function tokenAt(pattern: string, at: number): string | undefined {
  TOKEN.lastIndex = at;
  return TOKEN.exec(pattern)?.[0];
}

const TOKEN =
  /\\[pPu]\{[^}]*\}|\\[^]|\[(?:\\[^]|[^\]\\])*\]|\{\d+(?:,\d*)?\}|\((?:\?(?::|<?[=!]|<\w+>))?|[^\\[]/y;

function boundsOf(token: string): { readonly least: number; readonly most: number } | undefined {
  if (token === "*") return { least: 0, most: Number.POSITIVE_INFINITY };
  if (token === "+") return { least: 1, most: Number.POSITIVE_INFINITY };
  if (token === "?") return { least: 0, most: 1 };
  const [, least, comma, most] = /^\{(\d+)(,?)(\d*)\}$/.exec(token) ?? [];
  if (least === undefined) return undefined;
  if (comma === "") return { least: Number(least), most: Number(least) };
  return { least: Number(least), most: most === "" ? Number.POSITIVE_INFINITY : Number(most) };
}
