import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** MCP Inspector's command line, as a person uses it. */
export type Inspector = {
  /** Runs it with a server's URL and what else is given. */
  run(url: URL, ...args: string[]): Promise<Inspected>;
  /** Removes what it wrote. */
  close(): void;
};

export type Inspected = { readonly code: number; readonly stdout: string; readonly stderr: string };

const PROGRAM = join(import.meta.dirname, "../../../node_modules/.bin/mcp-inspector");

export function createInspector(key: () => string): Inspector {
  const home = mkdtempSync(join(tmpdir(), "gwo-inspector-"));
  return {
    run(url, ...args) {
      const command = [
        ...[PROGRAM, "--cli", url.href, "--transport", "http"],
        ...["--header", `Authorization: Bearer ${key()}`, "--format", "json", ...args],
      ];
      // Its own HOME: it keeps files there. No NODE_OPTIONS: those are jest's.
      const env = { PATH: process.env["PATH"], HOME: home };
      return new Promise((resolve) => {
        execFile(process.execPath, command, { env, timeout: 30_000 }, (error, stdout, stderr) => {
          resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr });
        });
      });
    },
    close() {
      rmSync(home, { recursive: true, force: true });
    },
  };
}
