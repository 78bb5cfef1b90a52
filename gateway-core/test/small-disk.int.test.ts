import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { listSegments } from "../src/events/segments.ts";
import { framesIn, framesOf, intentNumbers, temporaryDirectory } from "./wal-files.ts";

let directory: string;
let remove: () => void;

beforeEach(() => {
  const temporary = temporaryDirectory();
  directory = join(temporary.path, "log");
  remove = temporary.remove;
});

afterEach(() => {
  remove();
});

/** Runs a log in a process that may write at most 1024 bytes into one file. What its calls heard, in order. */
async function runOnSmallDisk(
  segmentBytes: number,
  callsPerTurn: readonly number[],
): Promise<string[]> {
  const script = fileURLToPath(new URL("./fixtures/small-disk-log.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(
    "bash",
    [
      "-c",
      // The signal that goes with the limit would end the process; ignored, writes fail with EFBIG instead.
      `trap '' XFSZ; ulimit -f 1; exec "$@"`,
      "bash",
      process.execPath,
      script,
      directory,
      String(segmentBytes),
      ...callsPerTurn.map(String),
    ],
    { encoding: "utf8" },
  );
  return JSON.parse(stdout) as string[];
}

function numbersIn(heard: readonly string[], kind: string): number[] {
  return heard
    .filter((line) => line.startsWith(`${kind} `))
    .map((line) => Number(line.slice(kind.length + 1)));
}

describe("CallLog on a disk that is full", () => {
  it("acknowledges exactly the calls whose lines can be read back", async () => {
    const heard = await runOnSmallDisk(1024 * 1024, Array<number>(12).fill(1));
    expect(heard).toHaveLength(12);
    const written = [...new Set(framesOf(directory).flatMap(intentNumbers))];
    expect(written).toEqual(numbersIn(heard, "intent"));
    expect(written.length).toBeGreaterThan(2);
    expect(numbersIn(heard, "failed").length).toBeGreaterThan(2);
  });

  it("leaves no open call out of its newest segment, though there is no room to carry them all", async () => {
    const heard = await runOnSmallDisk(500, [1, 1, 1, 1, 1, 12, 1, 1]);
    const open = numbersIn(heard, "intent");
    expect(numbersIn(heard, "failed").length).toBeGreaterThan(0);
    const newest = listSegments(directory)
      .filter(({ bytes }) => bytes > 0)
      .at(-1)!;
    const inNewest = new Set(framesIn(newest.path).flatMap(intentNumbers));
    // Older segments may be removed at any time: an open call that stands only there would be forgotten.
    const missing = open.filter((number) => !inNewest.has(number));
    expect(missing).toEqual([]);
  });
});
