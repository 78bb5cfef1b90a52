import { Failure } from "@gatewayops/platform/errors";

/** Runs commands without which nothing can be answered: a Redis that is away is Failure AUTH_UNAVAILABLE. */
export async function fromRedis<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Failure("AUTH_UNAVAILABLE", "Sessions cannot be checked now. Try again shortly.", {
      retryAfterMs: 2_000,
      cause: error,
    });
  }
}
