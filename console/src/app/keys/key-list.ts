import { Component, computed, inject, linkedSignal, signal } from "@angular/core";
import { MatButton } from "@angular/material/button";
import { MatDialog, MatDialogConfig, type MatDialogRef } from "@angular/material/dialog";
import { MatSnackBar } from "@angular/material/snack-bar";
import { MatSlideToggle } from "@angular/material/slide-toggle";
import type { ApiKey } from "@gatewayops/proto/gatewayops/auth/v1/api_key_pb";
import { ApiKeyService } from "@gatewayops/proto/gatewayops/auth/v1/api_key_service_pb";
import { PolicyMode } from "@gatewayops/proto/gatewayops/auth/v1/policy_mode_pb";

import { Icon } from "../icons/icon.ts";
import { BusyLine } from "../page/busy-line.ts";
import { EmptyState } from "../page/empty-state.ts";
import { FailureState } from "../page/failure-state.ts";
import { Skeleton } from "../page/skeleton.ts";
import { failureFrom, type RpcFailure } from "../rpc/failure.ts";
import { createQuery } from "../rpc/query.ts";
import { injectClient } from "../rpc/transport.ts";
import { Session } from "../session/session.ts";
import { Instant } from "../time/instant.ts";
import { KeyCreateDialog } from "./key-create-dialog.ts";
import { KeyRevokeDialog } from "./key-revoke-dialog.ts";
import { describeServers, keyStateOf, type KeyState } from "./key-state.ts";

const PAGE_SIZE = 100;
const ENDED: ReadonlySet<KeyState> = new Set<KeyState>(["revoked", "expired"]);
const STATE_NAMES: Readonly<Record<KeyState, string>> = {
  active: "Active",
  suspended: "Suspended",
  revoked: "Revoked",
  expired: "Expired",
};

/** Patterns of a key besides those of its tools. */
function patternCountOf(scopes: ApiKey["scopes"]): number {
  if (!scopes) return 0;
  const { resources, prompts, denyTools, denyResources, denyPrompts } = scopes;
  const lists = [resources, prompts, denyTools, denyResources, denyPrompts];
  return lists.reduce((sum, list) => sum + list.length, 0);
}

@Component({
  selector: "gwo-key-list",
  imports: [BusyLine, EmptyState, FailureState, Icon, Instant, MatButton, MatSlideToggle, Skeleton],
  templateUrl: "./key-list.html",
  styleUrl: "./key-list.scss",
})
export class KeyList {
  private readonly client = injectClient(ApiKeyService);
  private readonly dialog = inject(MatDialog);
  private readonly session = inject(Session);
  private readonly snackBar = inject(MatSnackBar);

  protected readonly mayCreate = computed(() => this.session.can("api_keys:create"));
  protected readonly mayRevoke = computed(() => this.session.can("api_keys:delete"));
  protected readonly mayUpdate = computed(() => this.session.can("api_keys:update"));
  protected readonly stateNames = STATE_NAMES;
  /** The key that is being suspended or resumed. */
  protected readonly switching = signal<string | undefined>(undefined);
  protected readonly showEnded = signal(false);

  protected readonly firstPage = createQuery({
    params: () => true,
    load: async (_, signal) => this.client.listApiKeys({ limit: PAGE_SIZE }, { signal }),
  });
  protected readonly page = linkedSignal(() => this.firstPage.data());
  protected readonly loadingMore = signal(false);
  protected readonly moreFailure = signal<RpcFailure | undefined>(undefined);

  private readonly rows = computed(() => {
    const now = Date.now();
    return this.page()?.items.map((key) => ({
      key,
      state: keyStateOf(key, now),
      servers: describeServers(key.scopes?.servers ?? []),
      isEnded: ENDED.has(keyStateOf(key, now)),
      tools: key.scopes?.tools ?? [],
      patterns: patternCountOf(key.scopes),
      observes: key.scopes?.scopesMode === PolicyMode.OBSERVE,
      permissions: key.scopes?.permissions ?? [],
    }));
  });
  protected readonly shown = computed(() =>
    this.rows()?.filter((row) => this.showEnded() || !row.isEnded),
  );
  protected readonly endedCount = computed(
    () => this.rows()?.filter((row) => row.isEnded).length ?? 0,
  );

  protected create(): void {
    const config = Object.assign(new MatDialogConfig(), { width: "560px", disableClose: true });
    this.reloadWhenTrue(
      this.dialog.open<KeyCreateDialog, unknown, boolean>(KeyCreateDialog, config),
    );
  }

  protected async setSuspended(key: ApiKey, suspended: boolean): Promise<void> {
    if (this.switching() !== undefined) return;
    this.switching.set(key.id);
    try {
      await this.client.updateApiKey({ id: key.id, suspended });
      this.firstPage.reload();
    } catch (error) {
      this.snackBar.open(failureFrom(error).message, "Close");
    }
    this.switching.set(undefined);
  }

  protected revoke(key: ApiKey): void {
    const config = Object.assign(new MatDialogConfig<ApiKey>(), { width: "460px", data: key });
    this.reloadWhenTrue(
      this.dialog.open<KeyRevokeDialog, ApiKey, boolean>(KeyRevokeDialog, config),
    );
  }

  protected async loadMore(): Promise<void> {
    const shown = this.page();
    if (shown === undefined || this.loadingMore()) return;
    this.loadingMore.set(true);
    this.moreFailure.set(undefined);
    try {
      const next = await this.client.listApiKeys({ limit: PAGE_SIZE, cursor: shown.cursor });
      if (this.page() === shown) this.page.set({ ...next, items: [...shown.items, ...next.items] });
    } catch (error) {
      this.moreFailure.set(failureFrom(error));
    }
    this.loadingMore.set(false);
  }

  /** A dialog closes with true when it changed the keys. */
  private reloadWhenTrue(dialog: Pick<MatDialogRef<unknown, boolean>, "afterClosed">): void {
    dialog.afterClosed().subscribe((changed) => {
      if (changed === true) this.firstPage.reload();
    });
  }
}
