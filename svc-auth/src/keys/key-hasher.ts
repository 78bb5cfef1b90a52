import { hash, verify } from "@node-rs/bcrypt";
import { createBoundedQueue, type BoundedQueueOptions } from "../bounded-queue.ts";

/** Hashes keys for storage, off the event loop and through a bounded queue. A full queue is AUTH_UNAVAILABLE. */
export type KeyHasher = {
  hash(key: string): Promise<string>;
  verify(key: string, hash: string): Promise<boolean>;
};

/** The specification's cost factor: about 200 ms. */
const BCRYPT_COST = 12;

/**
 * Hashes whole keys: bcrypt reads 72 bytes, and a key has at most 70, so nothing needs to be hashed before. A longer
 * text is an error, not cut off.
 */
export function createBcryptKeyHasher(
  options: BoundedQueueOptions & { readonly cost?: number },
): KeyHasher {
  const queue = createBoundedQueue(options);
  const cost = options.cost ?? BCRYPT_COST;
  return {
    hash: (key) => queue.run(() => hash(key, { cost, rejectLongPasswords: true })),
    verify: (key, stored) => queue.run(() => verify(key, stored)),
  };
}
