import { computed, inject, Injectable, signal } from "@angular/core";
import { takeUntilDestroyed } from "@angular/core/rxjs-interop";
import { Router } from "@angular/router";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  SessionService,
  type Identity,
} from "@gatewayops/proto/gatewayops/auth/v1/session_service_pb";

import { injectClient, SESSION_ENDED } from "../rpc/transport.ts";
import { permits } from "./permits.ts";

/** Who is signed in. The session itself is an HttpOnly cookie that the server sets and clears. */
@Injectable({ providedIn: "root" })
export class Session {
  private readonly client = injectClient(SessionService);
  private readonly router = inject(Router);
  private readonly current = signal<Identity | undefined>(undefined);

  readonly identity = this.current.asReadonly();
  readonly permissions = computed(() => this.current()?.permissions ?? []);

  constructor() {
    inject(SESSION_ENDED)
      .pipe(takeUntilDestroyed())
      .subscribe(() => {
        this.leave();
      });
  }

  /** True when the caller may do what needs that permission. The server decides; this only hides what it would refuse. */
  can(permission: string): boolean {
    return permits(this.permissions(), permission);
  }

  /** Asks the server who is signed in. False when nobody is; throws when the server cannot say. */
  async restore(): Promise<boolean> {
    if (this.current() !== undefined) return true;
    try {
      const { identity } = await this.client.whoAmI({});
      this.current.set(identity);
      return identity !== undefined;
    } catch (error) {
      if (ConnectError.from(error).code === Code.Unauthenticated) return false;
      throw error;
    }
  }

  async signIn(credentials: { email: string; password: string }): Promise<void> {
    const { identity } = await this.client.signIn(credentials);
    this.current.set(identity);
  }

  async signOut(): Promise<void> {
    await this.client.signOut({});
    this.current.set(undefined);
    await this.router.navigate(["/sign-in"]);
  }

  private leave(): void {
    if (this.current() === undefined) return;
    this.current.set(undefined);
    void this.router.navigate(["/sign-in"], { queryParams: { return: this.router.url } });
  }
}
