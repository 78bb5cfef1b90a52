/** True when the granted permissions ("*" means all) include the wanted one. */
export function permits(granted: readonly string[], wanted: string): boolean {
  return granted.includes("*") || granted.includes(wanted);
}
