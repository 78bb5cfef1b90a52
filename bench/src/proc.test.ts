import { describe, expect, it } from "@jest/globals";
import {
  busyTicksFrom,
  cpuTimeUs,
  endedChildrenUs,
  machineBusyUs,
  residentBytes,
  residentFrom,
  ticksFrom,
  withChildren,
} from "./proc.ts";

// The line of a process whose name is "a) b (c": 1234 ticks of user and 567 of system time.
const STAT =
  "4242 (a) b (c) S 1 4242 4242 0 -1 4194560 3071 0 0 0 1234 567 8 9 20 0 11 0 987 22892544 1200 18446744073709551615 1 1 0 0 0 0 0 4096 17642 0 0 0 17 1 0 0 0 0 0";

describe("ticksFrom", () => {
  it("adds user and system time, whatever the process is called", () => {
    expect(ticksFrom(STAT)).toBe(1801);
  });

  it("adds those of children that have ended", () => {
    expect(ticksFrom(STAT, 16)).toBe(17);
  });

  it("refuses what is no stat line", () => {
    expect(() => ticksFrom("nothing")).toThrow("no /proc/PID/stat");
  });
});

describe("residentFrom", () => {
  it("finds VmRSS in bytes", () => {
    expect(residentFrom("Name:\tnode\nVmHWM:\t   200 kB\nVmRSS:\t   100 kB\nThreads:\t1\n")).toBe(
      102_400,
    );
  });

  it("is 0 for a process without memory", () => {
    expect(residentFrom("Name:\tkthreadd\n")).toBe(0);
  });
});

describe("busyTicksFrom", () => {
  it("adds all but idle and iowait of all processors", () => {
    const text = "cpu  10 2 30 999 888 4 5 6 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
    expect(busyTicksFrom(text)).toBe(57);
  });
});

describe("the processes of this machine", () => {
  it("can be read", () => {
    expect(cpuTimeUs([process.pid])).toBeGreaterThan(0);
    expect(machineBusyUs()).toBeGreaterThan(cpuTimeUs([process.pid]));
    expect(endedChildrenUs()).toBeGreaterThanOrEqual(0);
    expect(residentBytes([process.pid])).toBeGreaterThan(1024 * 1024);
    expect(withChildren(process.pid)[0]).toBe(process.pid);
  });

  it("are missed when they have ended", () => {
    expect(() => cpuTimeUs([2 ** 22 + 1])).toThrow("has ended");
  });
});
