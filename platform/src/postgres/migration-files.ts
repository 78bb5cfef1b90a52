import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** One numbered, forward-only change of a schema, as its file has it. */
export type MigrationFile = {
  /** Number in the file's name, 1 to 9999. Runs in this order, without gaps. */
  readonly number: number;
  /** Name in the file's name, for example "create_price_rules". */
  readonly name: string;
  /** SHA-256 of the file in hexadecimal digits. */
  readonly checksum: string;
  readonly sql: string;
};

/** A migration that a store says it has had. */
export type AppliedMigration = Pick<MigrationFile, "number" | "name" | "checksum">;

/** The schema cannot be brought up to date safely. An operator must look. */
export class MigrationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MigrationError";
  }
}

/**
 * Reads the migrations of a folder in their order. Other files than `NNNN_name.sql` are an error, since a misspelt
 * migration would silently not run.
 */
export async function readMigrations(directory: string): Promise<MigrationFile[]> {
  const migrations: MigrationFile[] = [];
  for (const file of (await readdir(directory)).sort()) {
    const match = /^(\d{4})_([a-z0-9_]+)\.sql$/.exec(file);
    if (!match) throw new MigrationError(`${join(directory, file)} is not named NNNN_name.sql.`);
    const sql = await readFile(join(directory, file), "utf8");
    migrations.push({
      number: Number(match[1]),
      name: match[2] ?? "",
      checksum: createHash("sha256").update(sql).digest("hex"),
      sql,
    });
  }
  migrations.forEach((migration, index) => {
    if (migration.number !== index + 1)
      throw new MigrationError(`${directory} has no migration ${index + 1}, or has it twice.`);
  });
  return migrations;
}

/**
 * Returns the migrations still to run.
 *
 * @throws MigrationError when an applied one was changed since, or the store is newer than this program
 */
export function pendingMigrations(
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): MigrationFile[] {
  const done = new Set<number>();
  for (const { number, name, checksum } of applied) {
    const file = files[number - 1];
    if (!file) {
      throw new MigrationError(
        `The schema is newer than this program: it has migration ${number} (${name}), the program knows ` +
          `${files.length}. Start the version that made it, or a later one.`,
      );
    }
    if (file.checksum !== checksum) {
      throw new MigrationError(
        `Migration ${number} (${file.name}) was changed after it ran (as ${name}). Restore the file and put the ` +
          `change into a new migration.`,
      );
    }
    done.add(number);
  }
  return files.filter((file) => !done.has(file.number));
}
