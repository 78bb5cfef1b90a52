import { Failure } from "../errors.ts";

/** Error codes of a server that is starting, stopping or full: PostgreSQL's classes 08, 53 and 57P. */
const AWAY = /^(08|53|57P)/;

/** Runs store code; a Postgres that cannot be reached becomes STORE_UNAVAILABLE, other errors pass as they are. */
export async function translatingPostgres<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!isUnreachable(cause)) throw cause;
    throw new Failure("STORE_UNAVAILABLE", "PostgreSQL cannot be reached. Try again in a moment.", {
      cause,
      retryAfterMs: 1_000,
    });
  }
}

function isUnreachable(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === "string" && (/^E[A-Z]+$/.test(code) || AWAY.test(code))) return true;
  // What pg says of a connection it lost or could not get has no code.
  return (
    typeof message === "string" && /^(Connection terminated|timeout exceeded when)/.test(message)
  );
}
