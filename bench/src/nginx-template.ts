/**
 * Fills in the words between @ of a committed nginx configuration.
 *
 * @throws Error when the template has a word that is not given, or one is given that it does not have
 */
export function fillTemplate(template: string, words: Readonly<Record<string, string>>): string {
  const used = new Set<string>();
  const filled = template.replace(/@([A-Z]+)@/g, (_, word: string) => {
    const value = words[word];
    if (value === undefined) throw new Error(`the template wants @${word}@, which is not given`);
    used.add(word);
    return value;
  });
  const unused = Object.keys(words).filter((word) => !used.has(word));
  if (unused.length > 0) throw new Error(`the template has no @${unused.join("@, @")}@`);
  return filled;
}
