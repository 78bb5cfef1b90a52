import { Component, inject } from "@angular/core";
import { MatButtonToggle, MatButtonToggleGroup } from "@angular/material/button-toggle";

import { Icon } from "../icons/icon.ts";
import { Theme } from "./theme.ts";

/** Chooses light, the system's or dark. */
@Component({
  selector: "gwo-theme-toggle",
  imports: [Icon, MatButtonToggle, MatButtonToggleGroup],
  template: `<mat-button-toggle-group
    aria-label="Theme"
    hideSingleSelectionIndicator
    [value]="theme.choice()"
    (change)="theme.choose($event.value)"
  >
    <mat-button-toggle value="light" aria-label="Light theme"
      ><gwo-icon name="sun"
    /></mat-button-toggle>
    <mat-button-toggle value="system" aria-label="System theme"
      ><gwo-icon name="system"
    /></mat-button-toggle>
    <mat-button-toggle value="dark" aria-label="Dark theme"
      ><gwo-icon name="moon"
    /></mat-button-toggle>
  </mat-button-toggle-group>`,
  styles: `
    mat-button-toggle-group {
      --mat-button-toggle-height: 30px;
      display: flex;
    }
    mat-button-toggle {
      flex: 1;
    }
    gwo-icon {
      width: 16px;
      height: 16px;
      vertical-align: middle;
    }
  `,
})
export class ThemeToggle {
  protected readonly theme = inject(Theme);
}
