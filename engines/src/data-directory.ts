import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes an engine's directory with `mode`, and missing parents with the usual one: a parent closed
 * to others would keep PostgreSQL, which is another user when we are root, from its files.
 */
export function makeDataDirectory(path: string, mode: number): void {
  mkdirSync(dirname(path), { recursive: true });
  mkdirSync(path, { recursive: true, mode });
}
