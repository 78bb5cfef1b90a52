import { parseApiKey } from "@gatewayops/platform/api-key";
import { Failure } from "@gatewayops/platform/errors";
import type { Secret } from "../secret.ts";
import { refusalFailure, refusalOf, type KeyPrincipal } from "./api-key.ts";
import type { KeyAddress, KeyAnswer, KeyCache } from "./key-cache.ts";
import type { KeyHasher } from "./key-hasher.ts";
import type { KeyCandidate, KeyStore } from "./key-store.ts";

/** Validates API keys. */
export type KeyValidator = {
  /**
   * The principal of a key.
   *
   * Every answer is decided after the call began, so a key that was revoked before is never admitted.
   *
   * @throws Failure KEY_INVALID, KEY_REVOKED, KEY_EXPIRED; AUTH_UNAVAILABLE when it cannot be known now
   */
  validate(key: Secret): Promise<KeyPrincipal>;
};

/** How an answer came about; a label of metrics. */
export type ValidationSource = "format" | "cache" | "store" | "unavailable";

export type KeyValidatorOptions = {
  readonly store: Pick<KeyStore, "findByPrefix">;
  readonly cache: KeyCache;
  readonly hasher: KeyHasher;
  readonly fingerprint: (key: string) => string;
  readonly now: () => number;
  readonly onUse: (principal: KeyPrincipal) => void;
  readonly observe: (source: ValidationSource, result: "admitted" | "refused" | "failed") => void;
};

/** Milliseconds that answers are believed: the specification's five minutes. */
const ADMITTED_TTL_MS = 5 * 60_000;
/** Milliseconds that a refusal is believed. Short: whoever waits for a new key tries again soon. */
const REFUSED_TTL_MS = 10_000;
/** A validation that took longer does not fill the cache; far less than the life of a fence. */
const FILL_DEADLINE_MS = 60_000;
/** Comparisons that are remembered. One takes about 250 bytes. */
const COMPARISONS_MAX = 10_000;

/** The order: form, cache, database, bcrypt, revocation and expiry, cache. */
export function createKeyValidator(options: KeyValidatorOptions): KeyValidator {
  const { store, cache, now } = options;
  const compare = createComparer(options.hasher);
  return {
    async validate(secret) {
      const key = secret.reveal();
      const parsed = parseApiKey(key);
      if (!parsed) {
        options.observe("format", "refused");
        throw refusalFailure("KEY_INVALID");
      }
      const address = { prefix: parsed.prefix, fingerprint: options.fingerprint(key) };
      const { answer, source } = await answerOf(key, address, parsed.checksum);
      return principalOf(answer, source);
    },
  };

  async function answerOf(
    key: string,
    address: KeyAddress,
    checksum: string,
  ): Promise<{ answer: KeyAnswer; source: ValidationSource }> {
    const started = now();
    // At most three times round: a comparison takes long enough for the key to be changed meanwhile, so cache and
    // database are read again after one. The second time the comparison is known.
    for (let round = 1; ; round += 1) {
      const { answer: cached, fence } = await cache.read(address);
      if (cached) return { answer: cached, source: "cache" };
      const candidate = await find(address.prefix, checksum);
      if (
        candidate &&
        compare.known(address.fingerprint, candidate.hash) === undefined &&
        round < 3
      ) {
        await compare.run(key, address.fingerprint, candidate.hash);
        continue;
      }
      const matches =
        candidate !== undefined && (await compare.run(key, address.fingerprint, candidate.hash));
      const answer = decide(matches ? candidate : undefined, now());
      if (fence !== undefined && now() - started < FILL_DEADLINE_MS)
        await cache.fill(address, fence, answer, ttlOf(answer, now()));
      return { answer, source: "store" };
    }
  }

  async function find(prefix: string, checksum: string): Promise<KeyCandidate | undefined> {
    try {
      return await store.findByPrefix(prefix, checksum);
    } catch (error) {
      options.observe("unavailable", "failed");
      if (!(error instanceof Failure && error.reason === "STORE_UNAVAILABLE")) throw error;
      throw new Failure("AUTH_UNAVAILABLE", "The key cannot be checked now. Try again shortly.", {
        retryAfterMs: 2_000,
        cause: error,
      });
    }
  }

  function principalOf(answer: KeyAnswer, source: ValidationSource): KeyPrincipal {
    const refusal =
      answer.kind === "refused" ? answer.refusal : refusalOf(answer.principal.key, now());
    options.observe(source, refusal === undefined ? "admitted" : "refused");
    if (answer.kind === "refused" || refusal !== undefined)
      throw refusalFailure(refusal ?? "KEY_INVALID");
    options.onUse(answer.principal);
    return answer.principal;
  }
}

function decide(candidate: KeyCandidate | undefined, nowMs: number): KeyAnswer {
  if (!candidate) return { kind: "refused", refusal: "KEY_INVALID" };
  const refusal = refusalOf(candidate.principal.key, nowMs);
  return refusal === undefined
    ? { kind: "admitted", principal: candidate.principal }
    : { kind: "refused", refusal };
}

function ttlOf(answer: KeyAnswer, nowMs: number): number {
  if (answer.kind === "refused") return REFUSED_TTL_MS;
  const { expireTime } = answer.principal.key;
  const left = expireTime ? expireTime.getTime() - nowMs : ADMITTED_TTL_MS;
  return Math.max(1, Math.min(ADMITTED_TTL_MS, left));
}

/**
 * Compares keys with hashes, one bcrypt for any number of callers. Whether a key fits a hash never changes, so it is
 * remembered without an end, the least recently used first forgotten: an answer that is read anew every five minutes, or
 * at every call while Redis is away, costs a query and no bcrypt.
 */
function createComparer(hasher: KeyHasher) {
  const results = new Map<string, boolean>();
  const running = new Map<string, Promise<boolean>>();
  return { known, run };

  function known(fingerprint: string, hash: string): boolean | undefined {
    const pair = `${fingerprint} ${hash}`;
    const result = results.get(pair);
    if (result !== undefined) {
      results.delete(pair);
      results.set(pair, result);
    }
    return result;
  }

  async function run(key: string, fingerprint: string, hash: string): Promise<boolean> {
    const remembered = known(fingerprint, hash);
    if (remembered !== undefined) return remembered;
    const pair = `${fingerprint} ${hash}`;
    let comparison = running.get(pair);
    if (!comparison) {
      comparison = hasher.verify(key, hash).finally(() => running.delete(pair));
      running.set(pair, comparison);
    }
    const result = await comparison;
    results.set(pair, result);
    const oldest = results.keys().next();
    if (results.size > COMPARISONS_MAX && oldest.done === false) results.delete(oldest.value);
    return result;
  }
}
