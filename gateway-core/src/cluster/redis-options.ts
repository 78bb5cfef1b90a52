/** Redis as the gateway uses it: commands fail at once while it is away, since every one of them has another way. */
export function redisOptions() {
  return {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 5_000,
    connectTimeout: 2_000,
    retryStrategy: (attempt: number) => Math.min(50 * attempt, 500),
  };
}
