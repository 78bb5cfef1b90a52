import { Component, inject, input, linkedSignal, signal } from "@angular/core";
import { MatButton } from "@angular/material/button";
import { MatSlideToggle } from "@angular/material/slide-toggle";
import { MatSnackBar } from "@angular/material/snack-bar";
import type { McpTool } from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";

import { EmptyState } from "../page/empty-state.ts";
import { FailureState } from "../page/failure-state.ts";
import { Skeleton } from "../page/skeleton.ts";
import { failureFrom } from "../rpc/failure.ts";
import { createQuery } from "../rpc/query.ts";
import { injectClient } from "../rpc/transport.ts";
import { Instant } from "../time/instant.ts";
import { ToolHistory } from "./tool-history.ts";

const PAGE_SIZE = 200;

/** The tools known of a server, with their switches and the history of their definitions. */
@Component({
  selector: "gwo-tool-table",
  imports: [EmptyState, FailureState, Instant, MatButton, MatSlideToggle, Skeleton, ToolHistory],
  templateUrl: "./tool-table.html",
  styleUrl: "./tool-table.scss",
})
export class ToolTable {
  private readonly client = injectClient(McpServerService);
  private readonly snackBar = inject(MatSnackBar);

  readonly server = input.required<string>();
  readonly mayUpdate = input.required<boolean>();
  protected readonly cursor = signal("");
  /** The tool whose definitions are shown. */
  protected readonly opened = signal<string | undefined>(undefined);
  protected readonly query = createQuery({
    params: () => ({ server: this.server(), cursor: this.cursor() }),
    load: async (page, abort) =>
      this.client.listMcpTools({ ...page, limit: PAGE_SIZE }, { signal: abort }),
  });
  protected readonly page = linkedSignal(() => this.query.data());

  protected toggleHistory(tool: McpTool): void {
    this.opened.update((name) => (name === tool.name ? undefined : tool.name));
  }

  protected async setEnabled(tool: McpTool, toggle: MatSlideToggle): Promise<void> {
    const enabled = toggle.checked;
    try {
      await this.client.updateMcpTool({ server: this.server(), tool: tool.name, enabled });
      this.page.update((page) => {
        if (!page) return page;
        const items = page.items.map((one) => (one.name === tool.name ? { ...one, enabled } : one));
        return { ...page, items };
      });
    } catch (error) {
      toggle.checked = !enabled;
      this.snackBar.open(failureFrom(error).message, "Close");
    }
  }
}
