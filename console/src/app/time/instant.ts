import { Component, computed, input } from "@angular/core";
import { timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";

import { formatAbsolute, formatDay, formatRelative, formatTime } from "./time-zone.ts";

/** Shows a time of the contract in local time; the tooltip has it with its zone and in UTC. */
@Component({
  selector: "gwo-instant",
  template: `@if (timeMs() !== undefined) {
      <time [attr.datetime]="iso()" [title]="absolute()">{{ text() }}</time>
    } @else {
      <span class="muted">{{ absent() }}</span>
    }`,
  styles: ":host { white-space: nowrap }",
})
export class Instant {
  readonly time = input.required<Timestamp | undefined>();
  readonly format = input<"time" | "day" | "relative">("time");
  /** What to show where there is no time. */
  readonly absent = input("—");

  protected readonly timeMs = computed(() => {
    const time = this.time();
    return time === undefined ? undefined : timestampMs(time);
  });
  protected readonly iso = computed(() => new Date(this.timeMs() ?? 0).toISOString());
  protected readonly absolute = computed(() => formatAbsolute(this.timeMs() ?? 0));
  protected readonly text = computed(() => {
    const timeMs = this.timeMs() ?? 0;
    switch (this.format()) {
      case "day":
        return formatDay(timeMs);
      case "relative":
        return formatRelative(timeMs, Date.now());
      case "time":
        return formatTime(timeMs, Date.now());
    }
  });
}
