import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium, type Browser } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Starts a real browser without a window. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumProgram(process.env),
    args: [
      "--no-sandbox",
      "--disable-background-networking",
      "--disable-gpu",
      "--disable-component-update",
      "--no-first-run",
    ],
  });
}

/**
 * Finds Chromium: where GWO_CHROMIUM says, on PATH, or where Debian puts it.
 *
 * @throws Error that names the command to run when there is none
 */
export function chromiumProgram(env: NodeJS.ProcessEnv): string {
  const named = env["GWO_CHROMIUM"] ?? "";
  const directories = [...(env["PATH"] ?? "").split(delimiter), "/usr/bin"];
  const places =
    named === "" ? directories.flatMap((at) => NAMES.map((name) => join(at, name))) : [named];
  const found = places.find(isProgram);
  if (found !== undefined) return found;
  throw new Error(
    named === ""
      ? "The console's tests need Chromium and there is none. Run: apt-get install -y chromium"
      : `GWO_CHROMIUM names ${named}, which is no program.`,
  );
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
