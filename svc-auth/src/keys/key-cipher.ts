import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";

/** Names and seals what is kept of keys outside the database. Made from GWO_KEY_CACHE_SECRET. */
export type KeyCipher = {
  /** HMAC-SHA-256 of a key, in hexadecimal digits: recognises a key without keeping it. */
  fingerprint(key: string): string;
  /** AES-256-GCM, bound to the place it is kept at: a copy under another name does not open. */
  seal(plain: Uint8Array, place: string): Buffer;
  /** Undefined when it was not sealed here under this name. */
  open(sealed: Uint8Array, place: string): Buffer | undefined;
};

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export function createKeyCipher(secret: string): KeyCipher {
  const macKey = derive(secret, "gatewayops key fingerprint");
  const sealKey = derive(secret, "gatewayops key cache");
  return {
    fingerprint: (key) => createHmac("sha256", macKey).update(key).digest("hex"),
    seal(plain, place) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", sealKey, nonce).setAAD(Buffer.from(place));
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, place) {
      if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
      const end = sealed.length - TAG_BYTES;
      const nonce = sealed.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", sealKey, nonce)
        .setAAD(Buffer.from(place))
        .setAuthTag(sealed.subarray(end));
      try {
        return Buffer.concat([
          decipher.update(sealed.subarray(NONCE_BYTES, end)),
          decipher.final(),
        ]);
      } catch {
        return undefined; // Sealed under another secret or name, or altered: as good as not there.
      }
    },
  };
}

function derive(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", purpose, 32));
}
