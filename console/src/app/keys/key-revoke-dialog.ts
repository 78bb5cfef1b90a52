import { Component, inject, signal } from "@angular/core";
import { MatButton } from "@angular/material/button";
import {
  MAT_DIALOG_DATA,
  MatDialogActions,
  MatDialogClose,
  MatDialogContent,
  MatDialogRef,
  MatDialogTitle,
} from "@angular/material/dialog";
import type { ApiKey } from "@gatewayops/proto/gatewayops/auth/v1/api_key_pb";
import { ApiKeyService } from "@gatewayops/proto/gatewayops/auth/v1/api_key_service_pb";

import { FailureState } from "../page/failure-state.ts";
import { failureFrom, type RpcFailure } from "../rpc/failure.ts";
import { injectClient } from "../rpc/transport.ts";

/** Asks before a key is revoked, and revokes it. Closes with true when it did. */
@Component({
  selector: "gwo-key-revoke-dialog",
  imports: [
    FailureState,
    MatButton,
    MatDialogActions,
    MatDialogClose,
    MatDialogContent,
    MatDialogTitle,
  ],
  template: `<h2 mat-dialog-title>Revoke “{{ key.name }}”?</h2>
    <mat-dialog-content>
      <p>
        <code>{{ key.keyPrefix }}…</code> stops working in every gateway within a second. Whoever
        uses it is refused from then on. This cannot be undone.
      </p>
      @if (failure(); as failure) {
        <gwo-failure-state [failure]="failure" (retry)="revoke()" />
      }
    </mat-dialog-content>
    <mat-dialog-actions align="end">
      <button matButton type="button" mat-dialog-close cdkFocusInitial>Cancel</button>
      <button
        matButton="filled"
        type="button"
        class="danger"
        [disabled]="busy()"
        disabledInteractive
        (click)="revoke()"
        data-testid="key-revoke-confirm"
      >
        {{ busy() ? "Revoking…" : "Revoke key" }}
      </button>
    </mat-dialog-actions>`,
  styles: `
    .danger {
      --mat-button-filled-container-color: var(--gwo-bad);
      --mat-button-filled-label-text-color: light-dark(#ffffff, #3a0a07);
    }
    gwo-failure-state {
      display: block;
      margin-top: 12px;
    }
  `,
})
export class KeyRevokeDialog {
  private readonly client = injectClient(ApiKeyService);
  private readonly dialog = inject<MatDialogRef<KeyRevokeDialog, boolean>>(MatDialogRef);
  protected readonly key = inject<ApiKey>(MAT_DIALOG_DATA);

  protected readonly busy = signal(false);
  protected readonly failure = signal<RpcFailure | undefined>(undefined);

  protected async revoke(): Promise<void> {
    if (this.busy()) return;
    this.busy.set(true);
    this.failure.set(undefined);
    try {
      await this.client.revokeApiKey({ id: this.key.id });
      this.dialog.close(true);
    } catch (error) {
      this.failure.set(failureFrom(error));
    }
    this.busy.set(false);
  }
}
