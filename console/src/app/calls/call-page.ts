import { Component, computed, inject, input } from "@angular/core";
import { MatIconButton } from "@angular/material/button";
import { MatTooltip } from "@angular/material/tooltip";
import { RouterLink } from "@angular/router";
import { TraceService } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";

import { Icon } from "../icons/icon.ts";
import { UsdPipe } from "../money/usd-pipe.ts";
import { CopyButton } from "../page/copy-button.ts";
import { EmptyState } from "../page/empty-state.ts";
import { FailureState } from "../page/failure-state.ts";
import { Skeleton } from "../page/skeleton.ts";
import { StatusChip } from "../page/status-chip.ts";
import { createQuery } from "../rpc/query.ts";
import { injectClient } from "../rpc/transport.ts";
import { Session } from "../session/session.ts";
import { DurationPipe } from "../time/duration-pipe.ts";
import { Instant } from "../time/instant.ts";
import { stageLooks } from "./stage-look.ts";

/** What happened to one call, stage by stage: the console's `gwo explain`. */
@Component({
  selector: "gwo-call-page",
  imports: [
    CopyButton,
    DurationPipe,
    EmptyState,
    FailureState,
    Icon,
    Instant,
    MatIconButton,
    MatTooltip,
    RouterLink,
    Skeleton,
    StatusChip,
    UsdPipe,
  ],
  templateUrl: "./call-page.html",
  styleUrl: "./call-page.scss",
})
export class CallPage {
  private readonly client = injectClient(TraceService);
  protected readonly maySeeKeys = inject(Session).can("api_keys:read");

  /** Request id, from the address. */
  readonly requestId = input.required<string>();

  protected readonly call = createQuery({
    params: this.requestId,
    load: async (requestId, signal) => (await this.client.getCall({ requestId }, { signal })).call,
  });
  protected readonly stages = computed(() => stageLooks(this.call.data()?.stages ?? []));
}
