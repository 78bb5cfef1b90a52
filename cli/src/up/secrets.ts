import { randomBytes } from "node:crypto";
import { generateApiKey } from "@gatewayops/platform/api-key";
import { readJsonFile, writePrivateFile } from "../private-file.ts";
import { Problem } from "../problem.ts";

/** What a stack makes up once and keeps, so that a key and a login outlive a restart. */
export type Secrets = {
  readonly internalSecret: string;
  readonly keyCacheSecret: string;
  readonly sessionSecret: string;
  readonly apiKey: string;
  readonly adminPassword: string;
};

/** The secrets of a data directory, made when it has none. The file is readable by its owner only. */
export function loadSecrets(file: string): Secrets {
  const kept = readKept(file);
  const secrets: Secrets = {
    internalSecret: kept.internalSecret ?? secretText(),
    keyCacheSecret: kept.keyCacheSecret ?? secretText(),
    sessionSecret: kept.sessionSecret ?? secretText(),
    apiKey: kept.apiKey ?? generateApiKey("dev"),
    adminPassword: kept.adminPassword ?? randomBytes(15).toString("base64url"),
  };
  writePrivateFile(file, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
}

function readKept(file: string): Partial<Secrets> {
  try {
    return readJsonFile(file) ?? {};
  } catch (cause) {
    throw new Problem(
      `${file} cannot be read: ${(cause as Error).message}`,
      "Restore it, or remove it to get a new key and a new password.",
      { cause },
    );
  }
}

function secretText(): string {
  return randomBytes(32).toString("hex");
}
