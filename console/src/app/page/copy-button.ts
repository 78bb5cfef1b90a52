import { LiveAnnouncer } from "@angular/cdk/a11y";
import { Clipboard } from "@angular/cdk/clipboard";
import { Component, DestroyRef, inject, input, signal } from "@angular/core";
import { MatTooltip } from "@angular/material/tooltip";

import { Icon } from "../icons/icon.ts";

const SHOW_DONE_MS = 1_500;

/** Copies a text and shows for a moment that it did. */
@Component({
  selector: "gwo-copy-button",
  imports: [Icon, MatTooltip],
  template: `<button
    type="button"
    [attr.aria-label]="label()"
    [matTooltip]="label()"
    (click)="copy()"
  >
    <gwo-icon [name]="done() ? 'check' : 'copy'" />
  </button>`,
  styles: `
    :host {
      display: inline-flex;
      position: relative;
      z-index: 1;
    }
    button {
      display: inline-grid;
      place-items: center;
      width: 28px;
      height: 28px;
      padding: 0;
      border: 0;
      border-radius: 6px;
      background: none;
      color: inherit;
      cursor: pointer;
      opacity: 0.75;
    }
    button:hover,
    button:focus-visible {
      opacity: 1;
      background: color-mix(in srgb, currentcolor 10%, transparent);
    }
    gwo-icon {
      width: 15px;
      height: 15px;
    }
  `,
})
export class CopyButton {
  private readonly clipboard = inject(Clipboard);
  private readonly announcer = inject(LiveAnnouncer);

  readonly text = input.required<string>();
  readonly label = input.required<string>();

  protected readonly done = signal(false);
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    inject(DestroyRef).onDestroy(() => {
      clearTimeout(this.timer);
    });
  }

  protected copy(): void {
    const copied = this.clipboard.copy(this.text());
    void this.announcer.announce(copied ? "Copied" : "Copying failed");
    this.done.set(copied);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.done.set(false);
    }, SHOW_DONE_MS);
  }
}
