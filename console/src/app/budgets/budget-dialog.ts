import { Component, computed, inject, signal } from "@angular/core";
import { toSignal } from "@angular/core/rxjs-interop";
import {
  FormControl,
  NonNullableFormBuilder,
  ReactiveFormsModule,
  Validators,
  type ValidatorFn,
} from "@angular/forms";
import { MatButton } from "@angular/material/button";
import { MatCheckbox } from "@angular/material/checkbox";
import {
  MAT_DIALOG_DATA,
  MatDialogActions,
  MatDialogClose,
  MatDialogContent,
  MatDialogRef,
  MatDialogTitle,
} from "@angular/material/dialog";
import { MatError, MatFormField, MatHint, MatLabel, MatPrefix } from "@angular/material/form-field";
import { MatInput } from "@angular/material/input";
import { MatOption, MatSelect } from "@angular/material/select";
import {
  BudgetPeriod,
  BudgetPosture,
  BudgetScope,
  BudgetService,
  type Budget,
} from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";

import { toDecimalUsd, usdMicrosFrom } from "../money/usd.ts";
import { FailureState } from "../page/failure-state.ts";
import { failureFrom, type RpcFailure } from "../rpc/failure.ts";
import { injectClient } from "../rpc/transport.ts";
import { matching } from "../servers/matching.ts";
import { PERIODS, SCOPES, thresholdsFrom } from "./budget-figures.ts";
import { createScopeTargets } from "./scope-targets.ts";

const AMOUNT_MAX_USD_MICROS = 99_999_999_990_000n;
const DEFAULT_THRESHOLDS = "50, 80, 100";
const DEFAULT_AMOUNT = "";

const AMOUNT: ValidatorFn = (control) => {
  const micros = usdMicrosFrom(String(control.value));
  const fits = micros !== undefined && micros > 0n && micros <= AMOUNT_MAX_USD_MICROS;
  return fits ? null : { amount: true };
};
const THRESHOLDS: ValidatorFn = (control) =>
  thresholdsFrom(String(control.value)) === undefined ? { thresholds: true } : null;

/** Makes a budget, or changes the settings of the one it is given. Closes with true when it did. */
@Component({
  selector: "gwo-budget-dialog",
  imports: [
    FailureState,
    MatButton,
    MatCheckbox,
    MatDialogActions,
    MatDialogClose,
    MatDialogContent,
    MatDialogTitle,
    MatError,
    MatFormField,
    MatHint,
    MatInput,
    MatLabel,
    MatOption,
    MatPrefix,
    MatSelect,
    ReactiveFormsModule,
  ],
  templateUrl: "./budget-dialog.html",
  styleUrl: "./budget-dialog.scss",
})
export class BudgetDialog {
  private readonly client = injectClient(BudgetService);
  private readonly dialog = inject<MatDialogRef<BudgetDialog, boolean>>(MatDialogRef);
  private readonly targets = createScopeTargets();
  /** The budget to change; undefined: a new one is made. */
  protected readonly budget = inject<Budget | undefined>(MAT_DIALOG_DATA);

  protected readonly periods = PERIODS;
  protected readonly scopes = SCOPES;
  protected readonly org = BudgetScope.ORG;
  protected readonly form = inject(NonNullableFormBuilder).group({
    name: [this.budget?.name ?? "", [Validators.maxLength(255), matching(/\S/)]],
    amount: [this.budget ? toDecimalUsd(this.budget.amountUsdMicros) : DEFAULT_AMOUNT, AMOUNT],
    period: new FormControl(this.budget?.period ?? BudgetPeriod.MONTHLY, { nonNullable: true }),
    scopeType: new FormControl(this.budget?.scopeType ?? BudgetScope.ORG, { nonNullable: true }),
    scopeId: this.budget?.scopeId ?? "",
    thresholds: [this.budget?.alertThresholds.join(", ") ?? DEFAULT_THRESHOLDS, THRESHOLDS],
    enforceLimit: this.budget?.enforceLimit ?? false,
    allowWhenAway: this.budget?.onUnavailable === BudgetPosture.ALLOW,
  });
  private readonly value = toSignal(this.form.valueChanges, { initialValue: this.form.value });
  protected readonly scopeType = computed(() => this.value().scopeType ?? BudgetScope.ORG);
  protected readonly enforces = computed(() => this.value().enforceLimit === true);
  protected readonly choices = computed(() => this.targets.data()?.get(this.scopeType()) ?? []);
  protected readonly busy = signal(false);
  protected readonly failure = signal<RpcFailure | undefined>(undefined);
  /** True: it was tried to make a budget for nobody. */
  protected readonly scopeMissing = signal(false);

  protected forgetScopeId(): void {
    this.form.controls.scopeId.setValue("");
    this.scopeMissing.set(false);
  }

  protected async save(): Promise<void> {
    if (this.busy()) return;
    this.form.markAllAsTouched();
    const value = this.form.getRawValue();
    this.scopeMissing.set(value.scopeType !== BudgetScope.ORG && value.scopeId === "");
    if (this.form.invalid || this.scopeMissing()) return;
    this.busy.set(true);
    this.failure.set(undefined);
    const settings = {
      name: value.name.trim(),
      amountUsdMicros: usdMicrosFrom(value.amount) ?? 0n,
      alertThresholds: thresholdsFrom(value.thresholds) ?? [],
      enforceLimit: value.enforceLimit,
      onUnavailable: value.allowWhenAway ? BudgetPosture.ALLOW : BudgetPosture.REFUSE,
    };
    try {
      if (this.budget) await this.client.updateBudget({ ...settings, id: this.budget.id });
      else {
        const { scopeType, scopeId, period } = value;
        await this.client.createBudget({ ...settings, scopeType, scopeId, period });
      }
      this.dialog.close(true);
    } catch (error) {
      this.failure.set(failureFrom(error));
    }
    this.busy.set(false);
  }
}
