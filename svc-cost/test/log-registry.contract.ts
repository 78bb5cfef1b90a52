import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { LogRegistry } from "../src/walls/log-registry.ts";

/** What every registry of logs must do. Times are given, so that nothing depends on a clock. */
export function describeLogRegistry(name: string, make: () => LogRegistry): void {
  describe(`the registry of logs (${name})`, () => {
    // A day of its own for each test: registries hold logs of all gateways.
    let day = 0;
    const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, day) + seconds * 1000);
    const newId = (): string => randomBytes(16).toString("hex");
    let logs: LogRegistry;
    let directory: string;

    beforeEach(() => {
      day += 2;
      logs = make();
      directory = newId();
    });

    it("has a log open from its opening until its directory does not name it any more", async () => {
      const [dead = "", living = ""] = [newId(), newId()].sort();
      await logs.open(directory, dead, at(0));
      await logs.open(directory, living, at(0));
      await logs.report(directory, [dead, living], at(11));
      expect(await logs.openLogs(at(12))).toEqual([dead, living]);
      expect(await logs.closedOf([dead, living])).toEqual([]);
      await logs.report(directory, [living], at(13));
      expect(await logs.openLogs(at(14))).toEqual([living]);
      expect(await logs.closedOf([dead, living])).toEqual([dead]);
    });

    it("does not close a log that was opened a moment ago: the report may be older", async () => {
      const log = newId();
      await logs.open(directory, log, at(0));
      await logs.report(directory, [], at(9));
      expect(await logs.openLogs(at(9))).toEqual([log]);
      await logs.report(directory, [], at(11));
      expect(await logs.openLogs(at(11))).toEqual([]);
    });

    it("takes a log that a directory names for open, though it was closed or never opened", async () => {
      const log = newId();
      await logs.report(directory, [log], at(0));
      await logs.report(directory, [], at(20));
      expect(await logs.closedOf([log])).toEqual([log]);
      await logs.report(directory, [log], at(21));
      expect(await logs.closedOf([log])).toEqual([]);
      expect(await logs.openLogs(at(22))).toEqual([log]);
    });

    it("leaves other directories' logs alone", async () => {
      const log = newId();
      await logs.open(directory, log, at(0));
      await logs.report(newId(), [], at(30));
      expect(await logs.openLogs(at(30))).toEqual([log]);
    });

    it("leaves out logs of a gateway that was not heard of for a minute, and takes them back when it is", async () => {
      const log = newId();
      await logs.open(directory, log, at(0));
      await logs.report(directory, [log], at(10));
      expect(await logs.openLogs(at(70))).toEqual([log]);
      expect(await logs.openLogs(at(71))).toEqual([]);
      expect(await logs.lostLogs(at(70))).not.toContain(log);
      expect(await logs.lostLogs(at(71))).toContain(log);
      // It is lost, not closed: what it was granted stays granted.
      expect(await logs.closedOf([log])).toEqual([]);
      await logs.report(directory, [log], at(100));
      expect(await logs.openLogs(at(100))).toEqual([log]);
    });

    it("takes a log that it does not know for closed, and forgets closed ones after 40 days", async () => {
      const [unknown, log] = [newId(), newId()];
      await logs.open(directory, log, at(0));
      expect(await logs.closedOf([unknown, log])).toEqual([unknown]);
      await logs.report(directory, [], at(20));
      await logs.purge(at(21 + 40 * 86_400));
      await logs.open(directory, log, at(41 * 86_400));
      // Opened anew, as if it had never been.
      expect(await logs.openLogs(at(41 * 86_400))).toContain(log);
    });
  });
}
