import type { ValidatorFn } from "@angular/forms";

/** Refuses what does not fit the pattern; unlike Angular's own, an empty text too. */
export function matching(pattern: RegExp): ValidatorFn {
  return (control) => (pattern.test(String(control.value)) ? null : { pattern: true });
}
