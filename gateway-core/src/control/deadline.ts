/**
 * Waits for an answer, but not longer than a deadline. The work itself is not stopped.
 *
 * @param who whose answer it is, for the error
 */
export async function withDeadline<T>(
  answer: Promise<T>,
  deadlineMs: number,
  who: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${who} did not answer within ${deadlineMs} ms`));
    }, deadlineMs);
  });
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
