import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "@gatewayops/platform/log";

export type LogReportsOptions = {
  readonly walDir: string;
  /** Logs of workers that live, or are being started. */
  readonly live: () => readonly string[];
  /** Tells svc-cost. */
  readonly report: (logs: { directoryId: string; logIds: string[] }) => Promise<unknown>;
  readonly log: Logger;
};

/** Milliseconds between reports. */
const REPORT_MS = 2_000;
const ID_FILE = "directory-id";
const LOG_ID = /^[0-9a-f]{32}$/;

/**
 * Tells svc-cost which write-ahead logs this gateway has: as long as one is there, calls of it may not be in the ledger
 * yet, and what its worker was granted of budgets stays granted.
 */
export class LogReports {
  readonly #options: LogReportsOptions;
  readonly directoryId: string;
  #timer: NodeJS.Timeout | undefined;
  #isReporting = false;

  constructor(options: LogReportsOptions) {
    this.#options = options;
    this.directoryId = directoryIdOf(options.walDir);
  }

  start(): void {
    void this.#report();
    this.#timer = setInterval(() => void this.#report(), REPORT_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #report(): Promise<void> {
    if (this.#isReporting) return;
    this.#isReporting = true;
    const { walDir, live, report, log } = this.#options;
    try {
      const there = readdirSync(walDir).filter((name) => LOG_ID.test(name));
      await report({
        directoryId: this.directoryId,
        logIds: [...new Set([...there, ...live()])],
      });
    } catch (error) {
      // Budgets go on by what is known; the next report says the same and more.
      log.debug({ err: error }, "svc-cost could not be told of this gateway's logs");
    } finally {
      this.#isReporting = false;
    }
  }
}

/** The id of a directory of logs, made at its first use: 32 hexadecimal digits. */
function directoryIdOf(walDir: string): string {
  const path = join(walDir, ID_FILE);
  try {
    const id = readFileSync(path, "utf8").trim();
    if (LOG_ID.test(id)) return id;
  } catch {
    // It is new.
  }
  mkdirSync(walDir, { recursive: true });
  const id = randomBytes(16).toString("hex");
  writeFileSync(`${path}.new`, `${id}\n`);
  renameSync(`${path}.new`, path);
  return id;
}
