import { Component, inject, signal } from "@angular/core";
import { FormControl, ReactiveFormsModule } from "@angular/forms";
import { MatButton } from "@angular/material/button";
import {
  MAT_DIALOG_DATA,
  MatDialogActions,
  MatDialogClose,
  MatDialogContent,
  MatDialogRef,
  MatDialogTitle,
} from "@angular/material/dialog";
import { MatError, MatFormField, MatLabel } from "@angular/material/form-field";
import { MatInput } from "@angular/material/input";
import { OrganizationService } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";

import { FailureState } from "../page/failure-state.ts";
import { failureFrom, type RpcFailure } from "../rpc/failure.ts";
import { injectClient } from "../rpc/transport.ts";
import { matching } from "../servers/matching.ts";

/** Changes the time zone by whose calendar budgets last. Closes with true when it did. */
@Component({
  selector: "gwo-time-zone-dialog",
  imports: [
    FailureState,
    MatButton,
    MatDialogActions,
    MatDialogClose,
    MatDialogContent,
    MatDialogTitle,
    MatError,
    MatFormField,
    MatInput,
    MatLabel,
    ReactiveFormsModule,
  ],
  template: `<h2 mat-dialog-title>Time zone of budgets</h2>
    <form (ngSubmit)="save()" novalidate>
      <mat-dialog-content>
        <div class="fields">
          <p>
            Days, weeks and months begin at midnight there. Those that have begun are counted anew.
          </p>
          <mat-form-field>
            <mat-label>Time zone</mat-label>
            <input
              matInput
              [formControl]="zone"
              list="time-zones"
              required
              autocomplete="off"
              spellcheck="false"
              cdkFocusInitial
              data-testid="time-zone"
            />
            <mat-error>Choose one, for example Europe/Berlin.</mat-error>
          </mat-form-field>
          <datalist id="time-zones">
            @for (name of zones; track name) {
              <option [value]="name"></option>
            }
          </datalist>
          @if (failure(); as failure) {
            <gwo-failure-state [failure]="failure" (retry)="save()" />
          }
        </div>
      </mat-dialog-content>
      <mat-dialog-actions align="end">
        <button matButton type="button" mat-dialog-close>Cancel</button>
        <button
          matButton="filled"
          type="submit"
          [disabled]="busy()"
          disabledInteractive
          data-testid="time-zone-submit"
        >
          {{ busy() ? "Saving…" : "Save" }}
        </button>
      </mat-dialog-actions>
    </form>`,
  styles: `
    .fields {
      display: grid;
      gap: 12px;
    }
  `,
})
export class TimeZoneDialog {
  private readonly client = injectClient(OrganizationService);
  private readonly dialog = inject<MatDialogRef<TimeZoneDialog, boolean>>(MatDialogRef);

  protected readonly zones = ["UTC", ...Intl.supportedValuesOf("timeZone")];
  protected readonly zone = new FormControl(inject<string>(MAT_DIALOG_DATA), {
    nonNullable: true,
    validators: matching(/\S/),
  });
  protected readonly busy = signal(false);
  protected readonly failure = signal<RpcFailure | undefined>(undefined);

  protected async save(): Promise<void> {
    if (this.busy()) return;
    this.zone.markAsTouched();
    if (this.zone.invalid) return;
    this.busy.set(true);
    this.failure.set(undefined);
    try {
      await this.client.updateOrganization({ timeZone: this.zone.value.trim() });
      this.dialog.close(true);
    } catch (error) {
      this.failure.set(failureFrom(error));
    }
    this.busy.set(false);
  }
}
