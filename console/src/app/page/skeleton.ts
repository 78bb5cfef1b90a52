import { Component, computed, input } from "@angular/core";

/** Holds the place of rows that are on their way. */
@Component({
  selector: "gwo-skeleton",
  template: `@for (row of list(); track row) {
      <div class="bar" [style.height.px]="height()"></div>
    }
    <span class="visually-hidden" role="status">Loading</span>`,
  styles: `
    :host {
      display: flex;
      flex-direction: column;
      gap: 12px;
      padding: 16px;
    }
    .bar {
      border-radius: 6px;
      background: var(--mat-sys-surface-container-highest);
      animation: pulse 1.4s ease-in-out infinite;
    }
    @keyframes pulse {
      50% {
        opacity: 0.45;
      }
    }
  `,
})
export class Skeleton {
  readonly rows = input(1);
  /** Height of a row in pixels. */
  readonly height = input(20);
  protected readonly list = computed(() => Array.from({ length: this.rows() }, (_, row) => row));
}
