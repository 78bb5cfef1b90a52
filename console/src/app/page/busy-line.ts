import { Component, input } from "@angular/core";
import { MatProgressBar } from "@angular/material/progress-bar";

/** A thin line at the top of its positioned parent while something is being loaded; takes no room. */
@Component({
  selector: "gwo-busy-line",
  imports: [MatProgressBar],
  template: `@if (busy()) {
    <mat-progress-bar mode="indeterminate" aria-label="Loading" />
  }`,
  styles: `
    :host {
      position: absolute;
      inset: 0 0 auto;
      z-index: 2;
      overflow: hidden;
      border-radius: 10px 10px 0 0;
      --mat-progress-bar-track-height: 2px;
      --mat-progress-bar-active-indicator-height: 2px;
      --mat-progress-bar-track-color: transparent;
    }
  `,
})
export class BusyLine {
  readonly busy = input.required<boolean>();
}
