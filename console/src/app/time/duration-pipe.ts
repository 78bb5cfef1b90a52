import { Pipe, type PipeTransform } from "@angular/core";

import { formatDurationMs, formatDurationUs } from "./duration.ts";

/** Writes a duration, given in "us" or "ms". */
@Pipe({ name: "duration" })
export class DurationPipe implements PipeTransform {
  transform(value: number | bigint, unit: "us" | "ms"): string {
    return unit === "us" ? formatDurationUs(value) : formatDurationMs(value);
  }
}
