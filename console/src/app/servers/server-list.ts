import { Component, computed, inject, linkedSignal, signal } from "@angular/core";
import { MatButton } from "@angular/material/button";
import { MatDialog, MatDialogConfig } from "@angular/material/dialog";
import { MatSlideToggle } from "@angular/material/slide-toggle";
import { MatSnackBar } from "@angular/material/snack-bar";
import { RouterLink } from "@angular/router";
import { ServerTransport, type McpServer } from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";

import { Icon } from "../icons/icon.ts";
import { BusyLine } from "../page/busy-line.ts";
import { EmptyState } from "../page/empty-state.ts";
import { FailureState } from "../page/failure-state.ts";
import { Skeleton } from "../page/skeleton.ts";
import { failureFrom } from "../rpc/failure.ts";
import { createQuery } from "../rpc/query.ts";
import { injectClient } from "../rpc/transport.ts";
import { Session } from "../session/session.ts";
import { ServerAddDialog } from "./server-add-dialog.ts";

const PAGE_SIZE = 200;

/** The organisation's MCP servers. */
@Component({
  selector: "gwo-server-list",
  imports: [
    BusyLine,
    EmptyState,
    FailureState,
    Icon,
    MatButton,
    MatSlideToggle,
    RouterLink,
    Skeleton,
  ],
  templateUrl: "./server-list.html",
  styleUrl: "./server-list.scss",
})
export class ServerList {
  private readonly client = injectClient(McpServerService);
  private readonly dialog = inject(MatDialog);
  private readonly session = inject(Session);
  private readonly snackBar = inject(MatSnackBar);

  protected readonly mayAdd = computed(() => this.session.can("servers:create"));
  protected readonly mayUpdate = computed(() => this.session.can("servers:update"));
  protected readonly stdio = ServerTransport.STDIO;
  /** Name after which the page begins; empty for the first. */
  protected readonly cursor = signal("");
  protected readonly query = createQuery({
    params: () => ({ cursor: this.cursor() }),
    load: async ({ cursor }, abort) =>
      this.client.listMcpServers({ limit: PAGE_SIZE, cursor }, { signal: abort }),
  });
  protected readonly page = linkedSignal(() => this.query.data());

  protected add(): void {
    const config = Object.assign(new MatDialogConfig(), { width: "520px" });
    this.dialog
      .open<ServerAddDialog, unknown, boolean>(ServerAddDialog, config)
      .afterClosed()
      .subscribe((added) => {
        if (added === true) this.query.reload();
      });
  }

  protected async setEnabled(server: McpServer, toggle: MatSlideToggle): Promise<void> {
    const enabled = toggle.checked;
    try {
      await this.client.updateMcpServer({ name: server.name, enabled });
      this.page.update((page) => {
        if (!page) return page;
        const items = page.items.map((one) => (one.id === server.id ? { ...one, enabled } : one));
        return { ...page, items };
      });
    } catch (error) {
      toggle.checked = !enabled;
      this.snackBar.open(failureFrom(error).message, "Close");
    }
  }
}
