import { Component, inject, signal } from "@angular/core";
import { NonNullableFormBuilder, ReactiveFormsModule } from "@angular/forms";
import { MatButton } from "@angular/material/button";
import {
  MatDialogActions,
  MatDialogClose,
  MatDialogContent,
  MatDialogRef,
  MatDialogTitle,
} from "@angular/material/dialog";
import { MatError, MatFormField, MatHint, MatLabel } from "@angular/material/form-field";
import { MatInput } from "@angular/material/input";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";

import { FailureState } from "../page/failure-state.ts";
import { failureFrom, type RpcFailure } from "../rpc/failure.ts";
import { injectClient } from "../rpc/transport.ts";
import { matching } from "./matching.ts";

/** Registers a server. Closes with true when it did. */
@Component({
  selector: "gwo-server-add-dialog",
  imports: [
    FailureState,
    MatButton,
    MatDialogActions,
    MatDialogClose,
    MatDialogContent,
    MatDialogTitle,
    MatError,
    MatFormField,
    MatHint,
    MatInput,
    MatLabel,
    ReactiveFormsModule,
  ],
  template: `<h2 mat-dialog-title>Add MCP server</h2>
    <form [formGroup]="form" (ngSubmit)="add()" novalidate>
      <mat-dialog-content>
        <div class="fields">
          <mat-form-field>
            <mat-label>Name</mat-label>
            <input
              matInput
              formControlName="name"
              required
              autocomplete="off"
              spellcheck="false"
              cdkFocusInitial
              data-testid="server-name"
            />
            <mat-hint>Part of the path: /v1/mcp/{{ form.controls.name.value || "name" }}</mat-hint>
            <mat-error>1 to 64 of a–z, 0–9, “-” and “_”, a letter or digit first.</mat-error>
          </mat-form-field>
          <mat-form-field>
            <mat-label>URL of its MCP endpoint</mat-label>
            <input
              matInput
              type="url"
              formControlName="url"
              required
              placeholder="https://mcp.example.com/mcp"
              autocomplete="off"
              data-testid="server-url"
            />
            <mat-error>An http or https URL.</mat-error>
          </mat-form-field>
          @if (failure(); as failure) {
            <gwo-failure-state [failure]="failure" (retry)="add()" />
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
          data-testid="server-submit"
        >
          {{ busy() ? "Adding…" : "Add server" }}
        </button>
      </mat-dialog-actions>
    </form>`,
  styles: `
    .fields {
      display: grid;
      gap: 12px;
      padding-top: 6px;
    }
  `,
})
export class ServerAddDialog {
  private readonly client = injectClient(McpServerService);
  private readonly dialog = inject<MatDialogRef<ServerAddDialog, boolean>>(MatDialogRef);

  protected readonly form = inject(NonNullableFormBuilder).group({
    name: ["", matching(/^[a-z0-9][a-z0-9_-]{0,63}$/)],
    url: ["", matching(/^https?:\/\/\S+$/)],
  });
  protected readonly busy = signal(false);
  protected readonly failure = signal<RpcFailure | undefined>(undefined);

  protected async add(): Promise<void> {
    if (this.busy()) return;
    this.form.markAllAsTouched();
    if (this.form.invalid) return;
    this.busy.set(true);
    this.failure.set(undefined);
    try {
      await this.client.createMcpServer(this.form.getRawValue());
      this.dialog.close(true);
    } catch (error) {
      this.failure.set(failureFrom(error));
    }
    this.busy.set(false);
  }
}
