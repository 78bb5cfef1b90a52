import { beforeEach, describe, expect, it } from "@jest/globals";
import { encodeApiKey } from "@gatewayops/platform/api-key";
import { Failure } from "@gatewayops/platform/errors";
import { aKey, newId, seedOrg, TIME } from "../../test/samples.ts";
import { createBoundedQueue } from "../bounded-queue.ts";
import { Secret } from "../secret.ts";
import { createMemoryStores, type Stores } from "../stores.ts";
import { createMemoryKeyCache } from "./key-cache.memory.ts";
import type { KeyCache } from "./key-cache.ts";
import { createKeyValidator, type KeyValidator } from "./key-validator.ts";

const AWAY: KeyCache = {
  read: () => Promise.resolve({ answer: undefined, fence: undefined }),
  fill: () => Promise.resolve(),
  fence: () => Promise.reject(new Error("away")),
};

/** A hasher whose comparisons wait for `open`, and are counted. */
function gatedHasher() {
  let open = () => {};
  let gate: Promise<void> = Promise.resolve();
  return {
    verified: 0,
    close() {
      gate = new Promise((resolve) => (open = resolve));
    },
    open: () => {
      open();
    },
    hash: (key: string) => Promise.resolve(`(${key})`),
    async verify(key: string, hash: string) {
      this.verified += 1;
      await gate;
      return hash === `(${key})`;
    },
  };
}

let stores: Stores;
let cache: KeyCache;
let hasher: ReturnType<typeof gatedHasher>;
let nowMs: number;
let lookUps: number;
let lookUp: Stores["keys"]["findByPrefix"];
let used: string[];
let observed: string[];
let validator: KeyValidator;
let orgId: string;

function validatorWith(keyCache: KeyCache): KeyValidator {
  return createKeyValidator({
    store: {
      findByPrefix(prefix, checksum) {
        lookUps += 1;
        return lookUp(prefix, checksum);
      },
    },
    cache: keyCache,
    hasher,
    fingerprint: (key) => `fp-${key}`,
    now: () => nowMs,
    onUse: (principal) => used.push(principal.key.id),
    observe: (source, result) => observed.push(`${source} ${result}`),
  });
}

beforeEach(async () => {
  stores = createMemoryStores();
  nowMs = TIME.getTime();
  cache = createMemoryKeyCache(() => nowMs);
  hasher = gatedHasher();
  lookUps = 0;
  lookUp = (prefix, checksum) => stores.keys.findByPrefix(prefix, checksum);
  used = [];
  observed = [];
  validator = validatorWith(cache);
  orgId = (await seedOrg(stores)).orgId;
});

async function madeKey(changes: Parameters<typeof aKey>[1] = {}) {
  const fresh = aKey(orgId, changes);
  await stores.keys.create(orgId, fresh);
  return {
    id: fresh.key.id,
    prefix: fresh.key.prefix,
    secret: new Secret(fresh.text),
    text: fresh.text,
  };
}

async function revoke(keyId: string, prefix: string): Promise<void> {
  await stores.keys.revoke(orgId, keyId, { changeId: newId(), time: new Date(nowMs) });
  await cache.fence(prefix);
}

const reasonOf = (validation: Promise<unknown>) =>
  validation.then(
    () => "admitted",
    (error: unknown) => (error instanceof Failure ? error.reason : String(error)),
  );

/** Lets everything go on that does not wait for the gate. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("createKeyValidator", () => {
  it("refuses junk without asking anyone", async () => {
    for (const junk of ["", "gwo_prod_abc", `${(await madeKey()).text.slice(0, -1)}_`])
      expect(await reasonOf(validator.validate(new Secret(junk)))).toBe("KEY_INVALID");
    expect([lookUps, hasher.verified]).toEqual([0, 0]);
  });

  it("admits a key and answers again from the cache", async () => {
    const key = await madeKey();
    expect((await validator.validate(key.secret)).key.id).toBe(key.id);
    const asked = lookUps;
    await validator.validate(key.secret);
    expect([lookUps, hasher.verified]).toEqual([asked, 1]);
    expect(observed).toEqual(["store admitted", "cache admitted"]);
    expect(used).toEqual([key.id, key.id]);
  });

  it("refuses an unknown key without bcrypt, and from the cache for ten seconds", async () => {
    const unknown = new Secret(encodeApiKey("prod", new Uint8Array(32)));
    for (let time = 0; time < 3; time += 1)
      expect(await reasonOf(validator.validate(unknown))).toBe("KEY_INVALID");
    expect([lookUps, hasher.verified]).toEqual([1, 0]);
    nowMs += 10_001;
    await reasonOf(validator.validate(unknown));
    expect(lookUps).toBe(2);
    expect(used).toEqual([]);
  });

  it("refuses a forged key with a known prefix without bcrypt", async () => {
    const key = await madeKey();
    const other = aKey(orgId).text;
    const body =
      key.text.slice(0, "gwo_test_".length + 8) + other.slice("gwo_test_".length + 8, -6);
    const forged = await withChecksum(body);
    expect(await reasonOf(validator.validate(new Secret(forged)))).toBe("KEY_INVALID");
    expect([lookUps, hasher.verified]).toEqual([1, 0]);
  });

  it("makes one comparison for a burst of one key", async () => {
    const key = await madeKey();
    hasher.close();
    const burst = Array.from({ length: 50 }, () => reasonOf(validator.validate(key.secret)));
    await settle();
    hasher.open();
    expect(new Set(await Promise.all(burst))).toEqual(new Set(["admitted"]));
    expect(hasher.verified).toBe(1);
  });

  it("compares once for ever: after the cache's time only the database is asked", async () => {
    const key = await madeKey();
    await validator.validate(key.secret);
    nowMs += 5 * 60_000;
    const asked = lookUps;
    await validator.validate(key.secret);
    expect([lookUps, hasher.verified]).toEqual([asked + 1, 1]);
  });

  it("refuses a key that is revoked while it is compared, and leaves no stale answer", async () => {
    const key = await madeKey();
    hasher.close();
    const validation = reasonOf(validator.validate(key.secret));
    await settle();
    await revoke(key.id, key.prefix);
    hasher.open();
    expect(await validation).toBe("KEY_REVOKED");
    expect(await reasonOf(validator.validate(key.secret))).toBe("KEY_REVOKED");
  });

  it("leaves no stale answer when a key is revoked between reading it and filling the cache", async () => {
    const key = await madeKey();
    await validator.validate(key.secret);
    nowMs += 5 * 60_000;
    lookUp = async (prefix, checksum) => {
      const old = await stores.keys.findByPrefix(prefix, checksum);
      await revoke(key.id, key.prefix);
      return old;
    };
    await reasonOf(validator.validate(key.secret));
    lookUp = (prefix, checksum) => stores.keys.findByPrefix(prefix, checksum);
    expect(await reasonOf(validator.validate(key.secret))).toBe("KEY_REVOKED");
  });

  it("refuses a caller who came after the revocation, even if an older one is still being answered", async () => {
    const key = await madeKey();
    hasher.close();
    const before = reasonOf(validator.validate(key.secret));
    await settle();
    await revoke(key.id, key.prefix);
    const after = reasonOf(validator.validate(key.secret));
    await settle();
    hasher.open();
    expect([await before, await after]).toEqual(["KEY_REVOKED", "KEY_REVOKED"]);
  });

  it("stops admitting a cached key at the moment it expires", async () => {
    const key = await madeKey({ expireTime: new Date(nowMs + 1_000) });
    expect(await reasonOf(validator.validate(key.secret))).toBe("admitted");
    nowMs += 999;
    expect(await reasonOf(validator.validate(key.secret))).toBe("admitted");
    nowMs += 1;
    expect(await reasonOf(validator.validate(key.secret))).toBe("KEY_EXPIRED");
  });

  it("asks the database when the cache is away, and bcrypt only once", async () => {
    const key = await madeKey();
    validator = validatorWith(AWAY);
    for (let time = 0; time < 3; time += 1)
      expect(await reasonOf(validator.validate(key.secret))).toBe("admitted");
    expect(hasher.verified).toBe(1);
    await stores.keys.revoke(orgId, key.id, { changeId: newId(), time: TIME });
    expect(await reasonOf(validator.validate(key.secret))).toBe("KEY_REVOKED");
  });

  it("answers from the cache while the database is away, and then says so", async () => {
    const key = await madeKey();
    await validator.validate(key.secret);
    lookUp = () => Promise.reject(new Failure("STORE_UNAVAILABLE", "away"));
    expect(await reasonOf(validator.validate(key.secret))).toBe("admitted");
    nowMs += 5 * 60_000;
    expect(await reasonOf(validator.validate(key.secret))).toBe("AUTH_UNAVAILABLE");
    expect(observed.at(-1)).toBe("unavailable failed");
  });

  it("says when to come back when too many keys are compared", async () => {
    const queue = createBoundedQueue({ concurrency: 1, waitingMax: 1, typicalMs: 200 });
    const inner = hasher;
    hasher = {
      ...inner,
      verify: (key: string, hash: string) => queue.run(() => inner.verify(key, hash)),
    };
    validator = validatorWith(cache);
    inner.close();
    const keys = [await madeKey(), await madeKey(), await madeKey()];
    const answers = keys.map((key) => reasonOf(validator.validate(key.secret)));
    await settle();
    inner.open();
    expect(await Promise.all(answers)).toEqual(["admitted", "admitted", "AUTH_UNAVAILABLE"]);
  });
});

/** The text with its right checksum, found by the format's own rule: CRC-32 in base 62. */
async function withChecksum(body: string): Promise<string> {
  const { crc32 } = await import("node:zlib");
  const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  let [rest, digits] = [crc32(body), ""];
  for (let place = 0; place < 6; place += 1) {
    digits = alphabet.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return body + digits;
}
