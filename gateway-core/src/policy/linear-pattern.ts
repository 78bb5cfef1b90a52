/** Characters of a pattern. */
const PATTERN_MAX_CHARS = 256;
/** Places of a pattern that may be tried from one place of the text, over all choices of lengths and alternatives. */
const STEPS_MAX = 1_024;
/** Repetitions of more than this count as unbounded, however many they must be. */
const BOUND_MAX = 64;

/** Steps that matching a text of n characters takes at most: `once + n * perCharacter`. */
export type MatchingSteps = { readonly once: number; readonly perCharacter: number };

/**
 * How long matching a regular expression of JSON Schema takes at most, in an engine that tries one way after the other.
 * Undefined for a pattern that may take longer than linear time: one may repeat nothing without bound but one single
 * character or class, and that only when it begins at the text's beginning. What is linear and not seen here, as of
 * `^(a|b)+$`, is refused as well: better too few patterns than one that stops a worker.
 */
export function matchingSteps(pattern: string): MatchingSteps | undefined {
  if (pattern.length > PATTERN_MAX_CHARS) return undefined;
  let steps = 0;
  // The ways in which what was read so far may have matched: what follows is tried after each of them.
  let ways = 1;
  let unbounded = 0;
  let afterGroup = false;
  // Of the pattern and of each group that is open, how many alternatives it has so far.
  const alternatives = [1];
  for (let at = 0; at < pattern.length;) {
    const token = tokenAt(pattern, at);
    if (token === undefined) return undefined;
    at += token.length;
    if (token.startsWith("(?") && token !== "(?:") return undefined;
    if (/^\\[1-9k]/.test(token)) return undefined;
    const bounds = boundsOf(token);
    if (bounds) {
      if (afterGroup && !(bounds.least === bounds.most && bounds.most <= 1)) return undefined;
      if (bounds.most > BOUND_MAX) {
        unbounded++;
      } else {
        // One step was counted when the repeated character was read.
        steps += ways * Math.max(0, bounds.most - 1);
        ways *= Math.max(1, bounds.most - bounds.least + 1);
      }
      // A lazy quantifier tries the same lengths in another order.
      if (pattern[at] === "?") at++;
    } else {
      steps += ways;
      if (token.startsWith("(")) alternatives.push(1);
      else if (token === "|") alternatives.push((alternatives.pop() ?? 0) + 1);
      else if (token === ")") ways *= alternatives.pop() ?? 1;
    }
    if (alternatives.length === 0 || steps > STEPS_MAX) return undefined;
    afterGroup = token === ")";
  }
  const isAnchored = pattern.startsWith("^") && alternatives[0] === 1;
  if (unbounded > (isAnchored ? 1 : 0)) return undefined;
  return { once: steps, perCharacter: isAnchored && unbounded === 0 ? 0 : steps };
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
