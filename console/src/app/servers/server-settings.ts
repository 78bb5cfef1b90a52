import { Component, effect, inject, input, signal } from "@angular/core";
import { NonNullableFormBuilder, ReactiveFormsModule } from "@angular/forms";
import { MatButton, MatIconButton } from "@angular/material/button";
import { MatFormField, MatHint, MatLabel } from "@angular/material/form-field";
import { MatInput } from "@angular/material/input";
import { MatOption, MatSelect } from "@angular/material/select";
import { MatSnackBar } from "@angular/material/snack-bar";
import {
  ArgumentValidation,
  TransformationAction,
  TransformationTarget,
  type McpServer,
  type Transformation,
} from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";

import { Icon } from "../icons/icon.ts";
import { FailureState } from "../page/failure-state.ts";
import { failureFrom, type RpcFailure } from "../rpc/failure.ts";
import { injectClient } from "../rpc/transport.ts";
import { matching } from "./matching.ts";

/** How requests to a server are checked, changed and repeated. */
@Component({
  selector: "gwo-server-settings",
  imports: [
    FailureState,
    Icon,
    MatButton,
    MatFormField,
    MatHint,
    MatIconButton,
    MatInput,
    MatLabel,
    MatOption,
    MatSelect,
    ReactiveFormsModule,
  ],
  templateUrl: "./server-settings.html",
  styleUrl: "./server-settings.scss",
})
export class ServerSettings {
  private readonly client = injectClient(McpServerService);
  private readonly snackBar = inject(MatSnackBar);
  private readonly builder = inject(NonNullableFormBuilder);

  readonly server = input.required<McpServer>();
  readonly mayUpdate = input.required<boolean>();
  protected readonly validations = [
    { value: ArgumentValidation.OFF, label: "Do not check" },
    { value: ArgumentValidation.OBSERVE, label: "Only observe" },
    { value: ArgumentValidation.ENFORCE, label: "Refuse what does not fit" },
  ];
  protected readonly targets = [
    { value: TransformationTarget.ARGUMENT, label: "Argument" },
    { value: TransformationTarget.HEADER, label: "Header" },
  ];
  protected readonly actions = [
    { value: TransformationAction.SET, label: "Set" },
    { value: TransformationAction.DEFAULT, label: "Default" },
    { value: TransformationAction.RENAME, label: "Rename" },
    { value: TransformationAction.REMOVE, label: "Remove" },
  ];
  protected readonly form = this.builder.group({
    validateArguments: [ArgumentValidation.OFF],
    idempotentTools: "",
    transformations: this.builder.array([this.rowOf()]),
  });
  protected readonly busy = signal(false);
  protected readonly failure = signal<RpcFailure | undefined>(undefined);

  constructor() {
    effect(() => {
      const { settings } = this.server();
      this.form.controls.transformations.clear();
      for (const one of settings?.transformations ?? [])
        this.form.controls.transformations.push(this.rowOf(one));
      this.form.patchValue({
        validateArguments: settings?.validateArguments ?? ArgumentValidation.OFF,
        idempotentTools: (settings?.idempotentTools ?? []).join("\n"),
      });
      if (this.mayUpdate()) this.form.enable();
      else this.form.disable();
      this.form.markAsPristine();
    });
  }

  protected addRow(): void {
    this.form.controls.transformations.push(this.rowOf());
    this.form.markAsDirty();
  }

  protected removeRow(index: number): void {
    this.form.controls.transformations.removeAt(index);
    this.form.markAsDirty();
  }

  /** What the last field of a row is for; undefined when there is nothing to say. */
  protected detailOf(action: TransformationAction): "value" | "newName" | undefined {
    if (action === TransformationAction.REMOVE) return undefined;
    return action === TransformationAction.RENAME ? "newName" : "value";
  }

  protected async save(): Promise<void> {
    if (this.busy()) return;
    this.form.markAllAsTouched();
    if (this.form.invalid) return;
    this.busy.set(true);
    this.failure.set(undefined);
    const value = this.form.getRawValue();
    try {
      await this.client.updateMcpServer({
        name: this.server().name,
        settings: {
          validateArguments: value.validateArguments,
          idempotentTools: wordsOf(value.idempotentTools),
          transformations: value.transformations.map((row) => ({
            target: row.target,
            action: row.action,
            name: row.name.trim(),
            newName: this.detailOf(row.action) === "newName" ? row.newName.trim() : "",
            value: this.detailOf(row.action) === "value" ? row.value : "",
            tools: wordsOf(row.tools),
          })),
        },
      });
      this.form.markAsPristine();
      this.snackBar.open("Saved. Every gateway follows within a second.", "Close");
    } catch (error) {
      this.failure.set(failureFrom(error));
    }
    this.busy.set(false);
  }

  private rowOf(transformation?: Transformation) {
    return this.builder.group({
      target: [transformation?.target ?? TransformationTarget.ARGUMENT],
      action: [transformation?.action ?? TransformationAction.SET],
      name: [transformation?.name ?? "", matching(/\S/)],
      newName: transformation?.newName ?? "",
      value: transformation?.value ?? "",
      tools: (transformation?.tools ?? []).join(" "),
    });
  }
}

/** Patterns of tools between spaces or lines. */
function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
