import { Component, computed, input } from "@angular/core";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";

import { FailureState } from "../page/failure-state.ts";
import { Skeleton } from "../page/skeleton.ts";
import { createQuery } from "../rpc/query.ts";
import { injectClient } from "../rpc/transport.ts";
import { Instant } from "../time/instant.ts";
import { lineDiff, prettyJson } from "./line-diff.ts";

/** The definitions that a tool had, each with what changed from the one before. */
@Component({
  selector: "gwo-tool-history",
  imports: [FailureState, Instant, Skeleton],
  template: `@if (query.failure(); as failure) {
      <gwo-failure-state [failure]="failure" (retry)="query.reload()" />
    }
    @for (entry of entries(); track entry.hash) {
      <article>
        <h3>
          <code>{{ entry.hash.slice(0, 12) }}</code>
          <span class="muted">
            first seen <gwo-instant [time]="entry.firstSeenTime" format="relative" />, last seen
            <gwo-instant [time]="entry.lastSeenTime" format="relative" />
          </span>
        </h3>
        @if (entry.lines.length > 0) {
          <pre
            tabindex="0"
            [attr.aria-label]="'Definition ' + entry.hash.slice(0, 12)"
          >@for (line of entry.lines; track $index) {<span [class]="line.kind">{{ marks[line.kind] }}{{ line.text }}
</span>}</pre>
        } @else {
          <p class="muted">Too long to be kept.</p>
        }
      </article>
    }
    @if (query.pending() && !query.data()) {
      <gwo-skeleton [rows]="3" [height]="20" />
    }`,
  styles: `
    article + article {
      margin-top: 16px;
    }
    h3 {
      display: flex;
      flex-wrap: wrap;
      gap: 4px 10px;
      margin: 0 0 6px;
      font-size: 13px;
      font-weight: 500;
    }
    pre {
      margin: 0;
      max-height: 360px;
      overflow: auto;
      padding: 10px 12px;
      border-radius: 8px;
      background: var(--mat-sys-surface-container-highest);
      font-size: 12.5px;
      line-height: 18px;
    }
    .added {
      color: var(--gwo-ok);
      background: var(--gwo-ok-bg);
    }
    .removed {
      color: var(--gwo-bad);
      background: var(--gwo-bad-bg);
    }
  `,
})
export class ToolHistory {
  private readonly client = injectClient(McpServerService);

  readonly server = input.required<string>();
  readonly tool = input.required<string>();
  protected readonly marks = { same: "  ", added: "+ ", removed: "- " } as const;
  protected readonly query = createQuery({
    params: () => ({ server: this.server(), tool: this.tool() }),
    load: async (of, abort) =>
      (await this.client.listToolDefinitions({ ...of, limit: 20 }, { signal: abort })).items,
  });
  protected readonly entries = computed(() =>
    (this.query.data() ?? []).map((definition, index, all) => {
      const before = all[index + 1];
      const text = prettyJson(definition.definition);
      const lines = before
        ? lineDiff(prettyJson(before.definition), text)
        : text.split("\n").map((line) => ({ kind: "same" as const, text: line }));
      return { ...definition, lines: definition.definition === "" ? [] : lines };
    }),
  );
}
