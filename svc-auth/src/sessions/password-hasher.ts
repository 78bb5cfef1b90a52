import { hash, verify } from "@node-rs/argon2";
import { createBoundedQueue, type BoundedQueueOptions } from "../bounded-queue.ts";
import type { Secret } from "../secret.ts";

/** Hashes passwords with argon2id, off the event loop and through a bounded queue. */
export type PasswordHasher = {
  hash(password: Secret): Promise<string>;
  verify(password: Secret, hash: string): Promise<boolean>;
};

/** OWASP's first choice for argon2id (Password Storage Cheat Sheet): 19 MiB, 2 passes, 1 lane. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export function createPasswordHasher(queueOptions: BoundedQueueOptions): PasswordHasher {
  const queue = createBoundedQueue(queueOptions);
  return {
    hash: (password) => queue.run(() => hash(password.reveal(), PARAMETERS)),
    verify: (password, stored) => queue.run(() => verify(stored, password.reveal())),
  };
}
