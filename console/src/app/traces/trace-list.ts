import { Component, computed, inject, input, linkedSignal, signal } from "@angular/core";
import { MatButton, MatIconButton } from "@angular/material/button";
import { MatFormField, MatLabel, MatSuffix } from "@angular/material/form-field";
import { MatInput } from "@angular/material/input";
import { MatOption, MatSelect } from "@angular/material/select";
import { MatTooltip } from "@angular/material/tooltip";
import { Router, RouterLink } from "@angular/router";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";
import {
  TraceService,
  type TraceSummary,
} from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";

import { Icon } from "../icons/icon.ts";
import { UsdCell } from "../money/usd-cell.ts";
import { mostDecimals } from "../money/usd.ts";
import { BusyLine } from "../page/busy-line.ts";
import { CallHint } from "../page/call-hint.ts";
import { EmptyState } from "../page/empty-state.ts";
import { FailureState } from "../page/failure-state.ts";
import { Skeleton } from "../page/skeleton.ts";
import { StatusChip } from "../page/status-chip.ts";
import { failureFrom, type RpcFailure } from "../rpc/failure.ts";
import { createQuery } from "../rpc/query.ts";
import { injectClient } from "../rpc/transport.ts";
import { Session } from "../session/session.ts";
import { DurationPipe } from "../time/duration-pipe.ts";
import { Instant } from "../time/instant.ts";
import { TIME_RANGES } from "../time/time-range.ts";
import {
  idKindOf,
  isSameFilter,
  listingFields,
  narrows,
  needsSearch,
  searchFields,
  STATUS_WORDS,
  traceFilterFrom,
  type TraceFilter,
  type TraceQueryParam,
} from "./trace-filter.ts";

interface TracePage {
  readonly traces: readonly TraceSummary[];
  readonly cursor: string;
  readonly hasMore: boolean;
  /** When the first page was asked for: the pages after it look at the same span of time. */
  readonly askedAtMs: number;
}

@Component({
  selector: "gwo-trace-list",
  imports: [
    BusyLine,
    CallHint,
    DurationPipe,
    EmptyState,
    FailureState,
    Icon,
    Instant,
    MatButton,
    MatFormField,
    MatIconButton,
    MatInput,
    MatLabel,
    MatOption,
    MatSelect,
    MatSuffix,
    MatTooltip,
    RouterLink,
    Skeleton,
    StatusChip,
    UsdCell,
  ],
  templateUrl: "./trace-list.html",
  styleUrl: "./trace-list.scss",
})
export class TraceList {
  private readonly client = injectClient(TraceService);
  private readonly serverClient = injectClient(McpServerService);
  private readonly router = inject(Router);
  private readonly maySeeServers = inject(Session).can("servers:read");

  // The filter lives in the address, so that a view can be shared and the back button works.
  readonly range = input<string>();
  readonly status = input<string>();
  readonly server = input<string>();
  readonly tool = input<string>();
  readonly min = input<string>();
  readonly max = input<string>();
  readonly cost = input<string>();

  protected readonly ranges = TIME_RANGES;
  protected readonly statuses = STATUS_WORDS;
  protected readonly filter = computed(
    () =>
      traceFilterFrom({
        range: this.range(),
        status: this.status(),
        server: this.server(),
        tool: this.tool(),
        min: this.min(),
        max: this.max(),
        cost: this.cost(),
      }),
    { equal: isSameFilter },
  );
  protected readonly narrowed = computed(() => narrows(this.filter()));

  protected readonly firstPage = createQuery({
    params: this.filter,
    keepPrevious: true,
    load: async (filter, signal) => this.ask({ filter, cursor: "", askedAtMs: Date.now(), signal }),
  });
  private readonly serverNames = createQuery({
    params: () => (this.maySeeServers ? true : undefined),
    load: async (_, signal) => {
      const { items } = await this.serverClient.listMcpServers({ limit: 200 }, { signal });
      return items.map((server) => server.name);
    },
  });
  /** Servers to choose from; the one in the address stays choosable when it is not listed. */
  protected readonly servers = computed(() => {
    const names = this.serverNames.data() ?? [];
    const { server } = this.filter();
    return server === "" || names.includes(server) ? names : [...names, server];
  });

  protected readonly page = linkedSignal(() => this.firstPage.data());
  protected readonly decimals = computed(() =>
    mostDecimals((this.page()?.traces ?? []).map((trace) => trace.totalCostUsdMicros)),
  );
  protected readonly loadingMore = signal(false);
  protected readonly moreFailure = linkedSignal<TracePage | undefined, RpcFailure | undefined>({
    source: this.firstPage.data,
    computation: () => undefined,
  });
  protected readonly findFailed = signal(false);

  protected narrow(change: Partial<Record<TraceQueryParam, string>>): void {
    const queryParams = Object.fromEntries(
      Object.entries(change).map(([name, value]) => [
        name,
        value.trim() === "" ? null : value.trim(),
      ]),
    );
    void this.router.navigate([], { queryParams, queryParamsHandling: "merge" });
  }

  protected clearFilter(): void {
    this.narrow({ status: "", server: "", tool: "", min: "", max: "", cost: "" });
  }

  protected async loadMore(): Promise<void> {
    const shown = this.page();
    if (shown === undefined || this.loadingMore()) return;
    this.loadingMore.set(true);
    this.moreFailure.set(undefined);
    try {
      const next = await this.ask({ ...shown, filter: this.filter() });
      // A filter or refresh that came in between has put up another list: this page is not part of it.
      if (this.page() === shown)
        this.page.set({ ...next, traces: [...shown.traces, ...next.traces] });
    } catch (error) {
      this.moreFailure.set(failureFrom(error));
    }
    this.loadingMore.set(false);
  }

  protected find(text: string): void {
    const id = text.trim().toLowerCase();
    const kind = idKindOf(id);
    this.findFailed.set(kind === undefined && id !== "");
    if (kind === "trace") void this.router.navigate(["/traces", id.replaceAll("-", "")]);
    if (kind === "request") void this.router.navigate(["/calls", id]);
  }

  private async ask(question: {
    filter: TraceFilter;
    cursor: string;
    askedAtMs: number;
    signal?: AbortSignal;
  }): Promise<TracePage> {
    const { filter, cursor, askedAtMs } = question;
    const options = question.signal === undefined ? {} : { signal: question.signal };
    const fields = { ...listingFields(filter, askedAtMs), limit: 50, cursor };
    const answer = needsSearch(filter)
      ? await this.client.searchTraces({ ...fields, ...searchFields(filter) }, options)
      : await this.client.listTraces(fields, options);
    return { traces: answer.traces, cursor: answer.cursor, hasMore: answer.hasMore, askedAtMs };
  }
}
