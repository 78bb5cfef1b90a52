import { Component, computed, ElementRef, inject, input, signal, viewChild } from "@angular/core";
import {
  NonNullableFormBuilder,
  ReactiveFormsModule,
  Validators,
  type ValidatorFn,
} from "@angular/forms";
import { MatButton } from "@angular/material/button";
import { MatError, MatFormField, MatLabel } from "@angular/material/form-field";
import { MatInput } from "@angular/material/input";
import { MatProgressBar } from "@angular/material/progress-bar";
import { Router } from "@angular/router";

import { Icon } from "../icons/icon.ts";
import { Logo } from "../icons/logo.ts";
import { failureFrom, type RpcFailure } from "../rpc/failure.ts";
import { returnPathOf } from "./return-path.ts";
import { Session } from "./session.ts";

const REQUIRED: ValidatorFn = (control) => Validators.required(control);
const EMAIL: ValidatorFn = (control) => Validators.email(control);

@Component({
  selector: "gwo-sign-in",
  imports: [
    Icon,
    Logo,
    MatButton,
    MatError,
    MatFormField,
    MatInput,
    MatLabel,
    MatProgressBar,
    ReactiveFormsModule,
  ],
  templateUrl: "./sign-in.html",
  styleUrl: "./sign-in.scss",
})
export class SignIn {
  private readonly session = inject(Session);
  private readonly router = inject(Router);
  private readonly password = viewChild.required<ElementRef<HTMLInputElement>>("password");

  /** Path to go to afterwards. */
  readonly return = input<string>();
  /** "unreachable" when the server could not say who is signed in. */
  readonly problem = input<string>();

  protected readonly form = inject(NonNullableFormBuilder).group({
    email: ["", [REQUIRED, EMAIL]],
    password: ["", REQUIRED],
  });
  protected readonly busy = signal(false);
  private readonly failure = signal<RpcFailure | undefined>(undefined);
  protected readonly requestId = computed(() => this.failure()?.requestId);
  protected readonly message = computed(() => {
    const failure = this.failure();
    if (failure !== undefined) return explain(failure);
    return this.problem() === undefined
      ? undefined
      : "GatewayOps cannot be reached. Your session may still be valid.";
  });
  protected readonly canRetry = computed(
    () => this.failure() === undefined && this.problem() !== undefined,
  );

  protected async signIn(): Promise<void> {
    if (this.busy()) return;
    this.form.markAllAsTouched();
    if (this.form.invalid) return;
    this.busy.set(true);
    try {
      await this.session.signIn(this.form.getRawValue());
      await this.router.navigateByUrl(returnPathOf(this.return()));
    } catch (error) {
      this.failure.set(failureFrom(error));
      this.password().nativeElement.select();
    }
    this.busy.set(false);
  }

  protected retry(): void {
    void this.router.navigateByUrl(returnPathOf(this.return()));
  }
}

function explain(failure: RpcFailure): string {
  switch (failure.kind) {
    case "unauthenticated":
    case "not_found":
      return "E-mail address or password is wrong.";
    case "rate_limited":
      return failure.retryAfterSeconds === undefined
        ? "Too many attempts. Wait a minute, then try again."
        : `Too many attempts. Try again in ${String(failure.retryAfterSeconds)} seconds.`;
    case "unreachable":
      return `${failure.message} Check that the gateway is running, then try again.`;
    default:
      return failure.message;
  }
}
