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
import { BudgetService, type Budget } from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";

import { FailureState } from "../page/failure-state.ts";
import { failureFrom, type RpcFailure } from "../rpc/failure.ts";
import { injectClient } from "../rpc/transport.ts";

/** Asks before a budget is deleted, and deletes it. Closes with true when it did. */
@Component({
  selector: "gwo-budget-delete-dialog",
  imports: [
    FailureState,
    MatButton,
    MatDialogActions,
    MatDialogClose,
    MatDialogContent,
    MatDialogTitle,
  ],
  template: `<h2 mat-dialog-title>Delete “{{ budget.name }}”?</h2>
    <mat-dialog-content>
      <p>
        @if (budget.enforceLimit) {
          Calls are no longer refused because of it, in every gateway within a second.
        } @else {
          Nobody is told of its thresholds any more.
        }
        What was spent stays under Costs.
      </p>
      @if (failure(); as failure) {
        <gwo-failure-state [failure]="failure" (retry)="remove()" />
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
        (click)="remove()"
        data-testid="budget-delete-confirm"
      >
        {{ busy() ? "Deleting…" : "Delete budget" }}
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
export class BudgetDeleteDialog {
  private readonly client = injectClient(BudgetService);
  private readonly dialog = inject<MatDialogRef<BudgetDeleteDialog, boolean>>(MatDialogRef);
  protected readonly budget = inject<Budget>(MAT_DIALOG_DATA);

  protected readonly busy = signal(false);
  protected readonly failure = signal<RpcFailure | undefined>(undefined);

  protected async remove(): Promise<void> {
    if (this.busy()) return;
    this.busy.set(true);
    this.failure.set(undefined);
    try {
      await this.client.deleteBudget({ id: this.budget.id });
      this.dialog.close(true);
    } catch (error) {
      this.failure.set(failureFrom(error));
    }
    this.busy.set(false);
  }
}
