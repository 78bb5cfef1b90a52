import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "@gatewayops/platform/log";
import { adoptLog } from "../events/adoption.ts";
import { LogShipper, type ShipperOptions } from "../events/shipper.ts";
import { isLogOwned } from "./log-owner.ts";

export type OrphanLogsOptions = {
  readonly walDir: string;
  readonly shipper: ShipperOptions;
  readonly log: Logger;
  readonly now: () => number;
};

/** Milliseconds between looks for logs whose worker is gone, and for adopted logs that are done. */
const SWEEP_MS = 1_000;

/**
 * Looks after the logs that dead workers left: ends their open calls as unknown, ships what was not shipped, and
 * removes them once every consumer has stored them.
 */
export class OrphanLogs {
  readonly #options: OrphanLogsOptions;
  readonly #adopted = new Map<
    string,
    { shipper: LogShipper; segments: readonly unknown[]; lastSequence: number }
  >();
  readonly #live = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: OrphanLogsOptions) {
    this.#options = options;
    mkdirSync(options.walDir, { recursive: true });
  }

  /** Says that a worker will write this log: it is no orphan until `release`. */
  expect(logId: string): void {
    this.#live.add(logId);
  }

  /** Says that the log's worker is gone. */
  release(logId: string): void {
    this.#live.delete(logId);
    this.#sweep();
  }

  start(): void {
    this.#sweep();
    this.#timer = setInterval(() => {
      this.#sweep();
    }, SWEEP_MS);
  }

  /** Ships what is there for so long; what remains is adopted again at the next start. */
  async stop(deadlineMs: number): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(
      [...this.#adopted.values()].map(({ shipper, lastSequence }) =>
        shipper.stop({ deadlineMs, lastSequence }),
      ),
    );
  }

  #sweep(): void {
    for (const logId of readdirSync(this.#options.walDir)) {
      const directory = join(this.#options.walDir, logId);
      const adopted = this.#adopted.get(logId);
      if (adopted) {
        if (adopted.segments.length === 0) this.#bury(logId, directory, adopted.shipper);
      } else if (/^[0-9a-f]{32}$/.test(logId) && !this.#live.has(logId) && !isLogOwned(directory)) {
        this.#adopt(logId, directory);
      }
    }
  }

  #adopt(logId: string, directory: string): void {
    const { log, shipper: options, now } = this.#options;
    const orphan = adoptLog(directory, logId, now());
    const shipper = new LogShipper(orphan, options);
    shipper.start();
    this.#adopted.set(logId, {
      shipper,
      segments: orphan.segments,
      lastSequence: orphan.lastSequence,
    });
    if (orphan.unknownCalls > 0)
      log.warn(
        { log_id: logId, calls: orphan.unknownCalls },
        "calls of a dead worker are recorded as unknown",
      );
  }

  #bury(logId: string, directory: string, shipper: LogShipper): void {
    this.#adopted.delete(logId);
    rmSync(directory, { recursive: true, force: true });
    void shipper.stop({ deadlineMs: 0, lastSequence: 0 });
  }
}
