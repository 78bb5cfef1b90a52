import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** A file of a write-ahead log. Its name is the sequence number of its first frame, so names sort by age. */
export type Segment = {
  readonly path: string;
  readonly firstSequence: number;
  bytes: number;
};

/** The segments in a log's directory, oldest first. */
export function listSegments(directory: string): Segment[] {
  return readdirSync(directory)
    .filter((name) => /^\d{12}\.wal$/.test(name))
    .sort()
    .map((name) => {
      const path = join(directory, name);
      return { path, firstSequence: Number(name.slice(0, 12)), bytes: statSync(path).size };
    });
}

export function segmentPath(directory: string, firstSequence: number): string {
  return join(directory, `${String(firstSequence).padStart(12, "0")}.wal`);
}
