import { Component, input, output } from "@angular/core";
import { MatButton } from "@angular/material/button";

import { Icon } from "../icons/icon.ts";
import type { RpcFailure } from "../rpc/failure.ts";
import { CopyButton } from "./copy-button.ts";

/** Says what failed, with the request id to look it up by, and offers to try again. */
@Component({
  selector: "gwo-failure-state",
  imports: [CopyButton, Icon, MatButton],
  template: `<div class="banner" role="alert">
    <gwo-icon name="alert" />
    <div class="text">
      <span>{{ failure().message }}</span>
      @if (failure().requestId; as id) {
        <span class="id mono">{{ id }}<gwo-copy-button [text]="id" label="Copy request id" /></span>
      }
    </div>
    @if (failure().kind !== "denied") {
      <button matButton type="button" (click)="retry.emit()">Try again</button>
    }
  </div>`,
  styles: `
    .banner {
      display: flex;
      flex-wrap: wrap;
      align-items: center;
      gap: 6px 12px;
      padding: 8px 12px;
      border-radius: 10px;
      background: var(--gwo-bad-bg);
      color: var(--gwo-bad);
    }
    .text {
      flex: 1 1 200px;
      display: flex;
      flex-wrap: wrap;
      align-items: center;
      gap: 0 12px;
      min-width: 0;
    }
    .id {
      display: inline-flex;
      align-items: center;
      overflow-wrap: anywhere;
    }
    button {
      --mat-button-text-label-text-color: var(--gwo-bad);
    }
  `,
})
export class FailureState {
  readonly failure = input.required<RpcFailure>();
  readonly retry = output();
}
