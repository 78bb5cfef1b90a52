import { Component, computed, ElementRef, inject, input, model } from "@angular/core";
import { Status, type Span } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";

import { formatDurationUs } from "../time/duration.ts";
import type { Waterfall } from "./waterfall.ts";

const MAX_INDENT = 8;

/** Draws spans as bars on a common time axis. A tree for keyboards: one stop, arrows move the selection. */
@Component({
  selector: "gwo-waterfall",
  templateUrl: "./waterfall-view.html",
  styleUrl: "./waterfall-view.scss",
})
export class WaterfallView {
  private readonly host = inject<ElementRef<HTMLElement>>(ElementRef);

  readonly waterfall = input.required<Waterfall>();
  readonly selected = model.required<Span | undefined>();

  protected readonly rows = computed(() =>
    this.waterfall().rows.map((row) => {
      const bad = row.span.status !== Status.SUCCESS && row.span.status !== Status.UNSPECIFIED;
      const duration = formatDurationUs(row.span.durationUs);
      return {
        ...row,
        bad,
        duration,
        indentPx: Math.min(row.depth, MAX_INDENT) * 14,
        // A label beyond the bar would leave the picture: it stands before it.
        labelBefore: row.leftPercent + row.widthPercent > 80 && row.leftPercent > 20,
        labelInside: row.leftPercent + row.widthPercent > 80 && row.leftPercent <= 20,
      };
    }),
  );
  protected readonly ticks = computed(() => {
    const { ticksUs, totalUs } = this.waterfall();
    return ticksUs.map((us) => ({
      label: us === 0 ? "0" : formatDurationUs(us),
      percent: totalUs === 0 ? 0 : (us / totalUs) * 100,
    }));
  });

  protected move(event: KeyboardEvent, index: number): void {
    const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: this.rows().length - 1 }[
      event.key
    ];
    const row = to === undefined ? undefined : this.rows()[to];
    if (to === undefined) return;
    event.preventDefault();
    if (row === undefined) return;
    this.selected.set(row.span);
    this.host.nativeElement.querySelectorAll<HTMLElement>("[role=treeitem]")[to]?.focus();
  }
}
