/**
 * The sum of a gauge's series in a metrics text, without their signs; 0 for none.
 *
 * @throws Error when the text knows no gauge of this name: one that was renamed would be 0 for ever
 */
export function gaugeIn(text: string, name: string): number {
  const lines = text.split("\n");
  if (!lines.includes(`# TYPE ${name} gauge`)) throw new Error(`There is no gauge ${name}.`);
  return lines
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .reduce((sum, line) => sum + Math.abs(Number(line.slice(line.lastIndexOf(" ") + 1))), 0);
}
