/** A run that cannot be made or does not count: the message is the cause, `nextStep` what to do. */
export class BenchError extends Error {
  readonly nextStep: string;

  constructor(message: string, nextStep: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "BenchError";
    this.nextStep = nextStep;
  }
}
