/** Something a person must know and act on: the message is the cause, `nextStep` what to do. */
export class Problem extends Error {
  readonly nextStep: string;

  constructor(message: string, nextStep: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "Problem";
    this.nextStep = nextStep;
  }
}

/** The lines that tell a failure, for any error: engines' errors name a next step as well. */
export function tellProblem(error: unknown): string {
  if (!(error instanceof Error)) return `gwo: ${String(error)}`;
  const nextStep = (error as { nextStep?: unknown }).nextStep;
  if (typeof nextStep === "string") return `gwo: ${error.message}\n  next step: ${nextStep}`;
  return `gwo: ${error.stack ?? error.message}\n  next step: this is a bug of gwo; report it with the lines above`;
}
