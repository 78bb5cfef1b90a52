import { Component, input } from "@angular/core";

import type { IconName } from "../icons/icon-paths.ts";
import { Icon } from "../icons/icon.ts";

/** Says that there is nothing, and (projected) what to do next. */
@Component({
  selector: "gwo-empty-state",
  imports: [Icon],
  template: `<div class="mark"><gwo-icon [name]="icon()" /></div>
    <p class="heading">{{ heading() }}</p>
    <div class="body muted"><ng-content /></div>`,
  styles: `
    :host {
      display: flex;
      flex-direction: column;
      align-items: center;
      gap: 8px;
      padding: 40px 16px;
      text-align: center;
    }
    .mark {
      display: grid;
      place-items: center;
      width: 40px;
      height: 40px;
      border-radius: 10px;
      color: var(--gwo-muted);
      background: var(--mat-sys-surface-container-highest);
    }
    .heading {
      font-weight: 600;
    }
    .body {
      display: flex;
      flex-direction: column;
      align-items: center;
      gap: 14px;
      width: 100%;
      max-width: 640px;
    }
  `,
})
export class EmptyState {
  readonly icon = input.required<IconName>();
  readonly heading = input.required<string>();
}
