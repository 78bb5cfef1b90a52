import { Component, computed, input } from "@angular/core";
import { Status } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";

import type { IconName } from "../icons/icon-paths.ts";
import { Icon } from "../icons/icon.ts";

interface Look {
  readonly text: string;
  readonly icon: IconName;
  readonly tone: "ok" | "bad" | "warn" | "plain";
}

const LOOKS: Partial<Record<Status, Look>> = {
  [Status.SUCCESS]: { text: "Success", icon: "check", tone: "ok" },
  [Status.ERROR]: { text: "Error", icon: "alert", tone: "bad" },
  [Status.TIMEOUT]: { text: "Timeout", icon: "clock", tone: "warn" },
  [Status.UNKNOWN]: { text: "Unknown", icon: "question", tone: "warn" },
};
const OTHER: Look = { text: "Other", icon: "question", tone: "plain" };

/** Says how a trace, a span or a call ended: in words, an icon and a colour. */
@Component({
  selector: "gwo-status-chip",
  imports: [Icon],
  template: `<span [class]="look().tone"><gwo-icon [name]="look().icon" />{{ look().text }}</span>`,
  styles: `
    span {
      display: inline-flex;
      align-items: center;
      gap: 5px;
      padding: 1px 8px 1px 6px;
      border-radius: 999px;
      font-size: 12px;
      line-height: 20px;
      font-weight: 500;
      white-space: nowrap;
      background: var(--mat-sys-surface-container-highest);
    }
    gwo-icon {
      width: 13px;
      height: 13px;
    }
    .ok {
      color: var(--gwo-ok);
      background: var(--gwo-ok-bg);
    }
    .bad {
      color: var(--gwo-bad);
      background: var(--gwo-bad-bg);
    }
    .warn {
      color: var(--gwo-warn);
      background: var(--gwo-warn-bg);
    }
  `,
})
export class StatusChip {
  readonly status = input.required<Status>();
  protected readonly look = computed(() => LOOKS[this.status()] ?? OTHER);
}
