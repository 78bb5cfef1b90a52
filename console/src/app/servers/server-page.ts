import { Component, computed, inject, input } from "@angular/core";
import { MatIconButton } from "@angular/material/button";
import { MatTooltip } from "@angular/material/tooltip";
import { RouterLink } from "@angular/router";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";

import { Icon } from "../icons/icon.ts";
import { FailureState } from "../page/failure-state.ts";
import { Skeleton } from "../page/skeleton.ts";
import { createQuery } from "../rpc/query.ts";
import { injectClient } from "../rpc/transport.ts";
import { Session } from "../session/session.ts";
import { ServerSettings } from "./server-settings.ts";
import { ToolTable } from "./tool-table.ts";

/** One MCP server: its tools and how requests to it are checked and changed. */
@Component({
  selector: "gwo-server-page",
  imports: [
    FailureState,
    Icon,
    MatIconButton,
    MatTooltip,
    RouterLink,
    ServerSettings,
    Skeleton,
    ToolTable,
  ],
  template: `<div class="page">
    <header>
      <a
        matIconButton
        routerLink="/servers"
        aria-label="Back to MCP servers"
        matTooltip="Back to MCP servers"
      >
        <gwo-icon name="back" />
      </a>
      <div>
        <h1>{{ name() }}</h1>
        @if (server.data(); as shown) {
          <p class="muted">
            <code>{{ shown.url }}</code>
            @if (!shown.enabled) {
              · switched off
            }
          </p>
        }
      </div>
    </header>
    @if (server.failure(); as failure) {
      <gwo-failure-state [failure]="failure" (retry)="server.reload()" />
    }
    @if (server.data(); as shown) {
      <gwo-tool-table [server]="shown.name" [mayUpdate]="mayUpdate()" />
      <gwo-server-settings [server]="shown" [mayUpdate]="mayUpdate()" />
    } @else if (server.pending()) {
      <section class="card"><gwo-skeleton [rows]="6" [height]="28" /></section>
    }
  </div>`,
  styles: `
    header {
      display: flex;
      align-items: flex-start;
      gap: 8px;
    }
    code {
      overflow-wrap: anywhere;
    }
  `,
})
export class ServerPage {
  private readonly client = injectClient(McpServerService);
  private readonly session = inject(Session);

  /** Name of the server, from the path. */
  readonly name = input.required<string>();
  protected readonly mayUpdate = computed(() => this.session.can("servers:update"));
  protected readonly server = createQuery({
    params: () => this.name(),
    load: async (name, abort) =>
      (await this.client.getMcpServer({ name }, { signal: abort })).server,
  });
}
