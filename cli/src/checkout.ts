import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of this checkout. */
export const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** `cli/bin/gwo.mjs`, to start ourselves again. */
export const GWO_PROGRAM = join(CHECKOUT, "cli", "bin", "gwo.mjs");

/** Engines that are unpacked once and used by every data directory. */
export const ENGINES_DIRECTORY = join(CHECKOUT, ".gatewayops", "engines");

/** The data directory: the option, else GWO_DATA_DIR, else `.gatewayops` in the checkout. */
export function dataDirectory(option: string | undefined): string {
  return resolve(option ?? process.env["GWO_DATA_DIR"] ?? join(CHECKOUT, ".gatewayops"));
}

/** Entry file of a workspace's process, for example "svc-auth". */
export function entryOf(workspace: string): string {
  return join(CHECKOUT, workspace, "src", "main.ts");
}

/** A file of an installed package. */
export function packageFile(path: string): string {
  return fileURLToPath(import.meta.resolve(path));
}

/** The version in the checkout's package.json. */
export function checkoutVersion(): string {
  const manifest = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8")) as {
    version: string;
  };
  return manifest.version;
}
