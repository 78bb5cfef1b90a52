import { tellProblem } from "./problem.ts";
import { createProgram } from "./program.ts";

/** Runs gwo with a command line; the process's exit code says how it went. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    const program = await createProgram(argv[2]);
    await program.parseAsync([...argv]);
  } catch (error) {
    process.stderr.write(`${tellProblem(error)}\n`);
    process.exitCode = 1;
  }
}
