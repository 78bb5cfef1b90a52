import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

/**
 * The secret of an API key: `gwo_{environment}_{43 characters}{6 characters}`.
 *
 * - environment: 1 to 16 lower-case letters or digits;
 * - 43 characters: 32 random bytes as one big-endian number in base 62 (0-9, A-Z, a-z), padded with "0" on the left;
 * - 6 characters: CRC-32 (the one of zlib) of everything before them, in base 62, so that a mistyped or invented key is
 *   refused without a look-up.
 *
 * At most 70 bytes, so bcrypt, which reads 72, sees all of it.
 */
export type ParsedApiKey = {
  readonly environment: string;
  /**
   * What a key is looked up and recognised by: `gwo_{environment}_` and 8 characters. These are 47 random bits: two of
   * a million keys share a prefix with a probability of 0.2 %, and a look-up must expect several rows. The 12
   * characters of the specification would leave 3 random ones after "gwo_prod_".
   */
  readonly prefix: string;
  /** The last 6 characters. Stored beside the hash, they tell a forged key with a known prefix apart without bcrypt. */
  readonly checksum: string;
};

/** Makes a key from 32 bytes of the operating system's generator. The environment must match `[a-z0-9]{1,16}`. */
export function generateApiKey(environment: string): string {
  return encodeApiKey(environment, randomBytes(RANDOM_BYTES));
}

/** The key of an environment and 32 bytes. */
export function encodeApiKey(environment: string, bytes: Uint8Array): string {
  if (!ENVIRONMENT.test(environment)) throw new RangeError("environment: 1 to 16 of a-z and 0-9");
  if (bytes.length !== RANDOM_BYTES) throw new RangeError(`${RANDOM_BYTES} bytes are needed`);
  const number = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  const body = `gwo_${environment}_${toBase62(number, RANDOM_CHARACTERS)}`;
  return body + checksumOf(body);
}

/** The parts of a key; undefined when the text is none, which needs no look-up to be refused. */
export function parseApiKey(text: string): ParsedApiKey | undefined {
  if (text.length > LONGEST) return undefined;
  const match = FORMAT.exec(text);
  const environment = match?.[1];
  if (environment === undefined) return undefined;
  const checksum = text.slice(-CHECKSUM_CHARACTERS);
  if (checksumOf(text.slice(0, -CHECKSUM_CHARACTERS)) !== checksum) return undefined;
  const prefix = text.slice(0, "gwo_".length + environment.length + 1 + PREFIX_CHARACTERS);
  return { environment, prefix, checksum };
}

const RANDOM_BYTES = 32;
const RANDOM_CHARACTERS = 43;
const CHECKSUM_CHARACTERS = 6;
const PREFIX_CHARACTERS = 8;
const LONGEST = 70;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ENVIRONMENT = /^[a-z0-9]{1,16}$/;
const FORMAT = /^gwo_([a-z0-9]{1,16})_[0-9A-Za-z]{49}$/;

function checksumOf(body: string): string {
  return toBase62(BigInt(crc32(body)), CHECKSUM_CHARACTERS);
}

function toBase62(number: bigint, width: number): string {
  let rest = number;
  let digits = "";
  for (let place = 0; place < width; place += 1) {
    digits = ALPHABET.charAt(Number(rest % 62n)) + digits;
    rest /= 62n;
  }
  return digits;
}
