import type { KeyPrincipal, KeyRefusal } from "./api-key.ts";

/** What a validation found out. */
export type KeyAnswer =
  | { readonly kind: "admitted"; readonly principal: KeyPrincipal }
  | { readonly kind: "refused"; readonly refusal: KeyRefusal };

/** Where an answer is kept: the key's prefix, by which changes end it, and the key's fingerprint. */
export type KeyAddress = {
  readonly prefix: string;
  /** HMAC-SHA-256 of the key under a secret, in hexadecimal digits. */
  readonly fingerprint: string;
};

/** What the cache knows of a key. */
export type CacheReading = {
  readonly answer: KeyAnswer | undefined;
  /** To be given to `fill`. Undefined: the cache is away and `fill` does nothing. */
  readonly fence: string | undefined;
};

/**
 * Answers of validations, shared by all processes. It is never the reason that a key is refused: when it is away,
 * `read` finds nothing and `fill` does nothing.
 *
 * The fence keeps a slow validation from bringing back an old answer: `read` gives the prefix's fence, an answer is
 * filled with the fence read *before* the database was asked, and only answers with the present fence are ever read.
 * So after `fence` is done, no answer is found that was decided before it began, in whatever order the writes came.
 */
export type KeyCache = {
  read(address: KeyAddress): Promise<CacheReading>;
  fill(address: KeyAddress, fence: string, answer: KeyAnswer, ttlMs: number): Promise<void>;
  /** Ends all answers of keys with the prefix. Rejects when that is not sure. */
  fence(prefix: string): Promise<void>;
};
