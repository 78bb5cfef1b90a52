/** The path to go to after signing in: one of this console, never another origin and never the sign-in page. */
export function returnPathOf(wanted: string | undefined): string {
  if (wanted === undefined || !/^\/(?![/\\])/.test(wanted)) return "/";
  return /^\/sign-in(?:[/?#]|$)/.test(wanted) ? "/" : wanted;
}
