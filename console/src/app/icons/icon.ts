import { Component, computed, input } from "@angular/core";

import { ICON_PATHS, type IconName } from "./icon-paths.ts";

/** Draws an icon in the colour of the text around it. Always decoration: what it stands for is said in words. */
@Component({
  selector: "gwo-icon",
  template: `<svg viewBox="0 0 24 24" focusable="false" aria-hidden="true">
    <path [attr.d]="path()" />
  </svg>`,
  styles: `
    :host {
      display: inline-flex;
      flex: none;
      width: 18px;
      height: 18px;
    }
    svg {
      width: 100%;
      height: 100%;
      fill: none;
      stroke: currentcolor;
      stroke-width: 1.75;
      stroke-linecap: round;
      stroke-linejoin: round;
    }
  `,
})
export class Icon {
  readonly name = input.required<IconName>();
  protected readonly path = computed(() => ICON_PATHS[this.name()]);
}
