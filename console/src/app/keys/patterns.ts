// As svc-auth takes them: a server's pattern, a slash, a name's pattern.
const PATTERN = /^[a-z0-9*][a-z0-9_*-]{0,63}\/\S{1,500}$/;

/** The patterns in a text of one pattern per line. */
export function patternsFrom(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** The first line that is no pattern. */
export function patternProblem(text: string): string | undefined {
  return patternsFrom(text).find((line) => !PATTERN.test(line));
}
