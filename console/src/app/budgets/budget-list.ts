import { Component, computed, inject, linkedSignal, signal } from "@angular/core";
import { MatButton } from "@angular/material/button";
import { MatDialog, MatDialogConfig, type MatDialogRef } from "@angular/material/dialog";
import { OrganizationService } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import {
  BudgetPosture,
  BudgetService,
  type Budget,
} from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";

import { Icon } from "../icons/icon.ts";
import { UsdPipe } from "../money/usd-pipe.ts";
import { BusyLine } from "../page/busy-line.ts";
import { EmptyState } from "../page/empty-state.ts";
import { FailureState } from "../page/failure-state.ts";
import { Skeleton } from "../page/skeleton.ts";
import { failureFrom, type RpcFailure } from "../rpc/failure.ts";
import { createQuery } from "../rpc/query.ts";
import { injectClient } from "../rpc/transport.ts";
import { Session } from "../session/session.ts";
import { createAutoRefresh } from "../time/auto-refresh.ts";
import { Instant } from "../time/instant.ts";
import { BudgetDeleteDialog } from "./budget-delete-dialog.ts";
import { BudgetDialog } from "./budget-dialog.ts";
import { figuresOf, periodName, scopeName } from "./budget-figures.ts";
import { createScopeTargets } from "./scope-targets.ts";
import { TimeZoneDialog } from "./time-zone-dialog.ts";

const PAGE_SIZE = 100;

/** The organisation's budgets with what is spent of them. */
@Component({
  selector: "gwo-budget-list",
  imports: [BusyLine, EmptyState, FailureState, Icon, Instant, MatButton, Skeleton, UsdPipe],
  templateUrl: "./budget-list.html",
  styleUrl: "./budget-list.scss",
})
export class BudgetList {
  private readonly client = injectClient(BudgetService);
  private readonly organizations = injectClient(OrganizationService);
  private readonly dialog = inject(MatDialog);
  private readonly session = inject(Session);
  private readonly targets = createScopeTargets();
  private readonly refresh = createAutoRefresh();

  protected readonly mayCreate = computed(() => this.session.can("budgets:create"));
  protected readonly mayUpdate = computed(() => this.session.can("budgets:update"));
  protected readonly mayDelete = computed(() => this.session.can("budgets:delete"));
  protected readonly mayChangeZone = computed(() => this.session.can("orgs:update"));

  protected readonly firstPage = createQuery({
    params: () => true,
    load: async (_, signal) => this.client.listBudgets({ limit: PAGE_SIZE }, { signal }),
    refresh: this.refresh.tick,
  });
  protected readonly organization = createQuery({
    params: () => true,
    load: async (_, signal) =>
      (await this.organizations.getOrganization({}, { signal })).organization,
  });
  protected readonly page = linkedSignal(() => this.firstPage.data());
  protected readonly loadingMore = signal(false);
  protected readonly moreFailure = signal<RpcFailure | undefined>(undefined);

  protected readonly rows = computed(() =>
    this.page()?.items.flatMap(({ budget, usage }) =>
      budget
        ? [
            {
              budget,
              usage,
              scope: this.scopeText(budget),
              period: periodName(budget.period),
              allowsWhenAway: budget.onUnavailable === BudgetPosture.ALLOW,
              figures: usage && figuresOf(usage),
            },
          ]
        : [],
    ),
  );

  protected create(): void {
    this.edit(undefined);
  }

  /** Changes a budget, or makes one. */
  protected edit(budget: Budget | undefined): void {
    const config = Object.assign(new MatDialogConfig<Budget | undefined>(), {
      width: "560px",
      disableClose: true,
      data: budget,
    });
    this.reloadWhenTrue(
      this.dialog.open<BudgetDialog, Budget | undefined, boolean>(BudgetDialog, config),
    );
  }

  protected remove(budget: Budget): void {
    const config = Object.assign(new MatDialogConfig<Budget>(), { width: "460px", data: budget });
    this.reloadWhenTrue(
      this.dialog.open<BudgetDeleteDialog, Budget, boolean>(BudgetDeleteDialog, config),
    );
  }

  protected changeZone(zone: string): void {
    const config = Object.assign(new MatDialogConfig<string>(), { width: "420px", data: zone });
    this.reloadWhenTrue(this.dialog.open<TimeZoneDialog, string, boolean>(TimeZoneDialog, config));
  }

  protected async loadMore(): Promise<void> {
    const shown = this.page();
    if (shown === undefined || this.loadingMore()) return;
    this.loadingMore.set(true);
    this.moreFailure.set(undefined);
    try {
      const next = await this.client.listBudgets({ limit: PAGE_SIZE, cursor: shown.cursor });
      if (this.page() === shown) this.page.set({ ...next, items: [...shown.items, ...next.items] });
    } catch (error) {
      this.moreFailure.set(failureFrom(error));
    }
    this.loadingMore.set(false);
  }

  private scopeText({ scopeType, scopeId }: Budget): string {
    const kind = scopeName(scopeType);
    if (scopeId === "") return kind;
    const target = this.targets
      .data()
      ?.get(scopeType)
      ?.find(({ id }) => id === scopeId);
    return `${kind} ${target?.name ?? scopeId}`;
  }

  /** A dialog closes with true when it changed what is shown. */
  private reloadWhenTrue(dialog: Pick<MatDialogRef<unknown, boolean>, "afterClosed">): void {
    dialog.afterClosed().subscribe((changed) => {
      if (changed !== true) return;
      this.firstPage.reload();
      this.organization.reload();
    });
  }
}
