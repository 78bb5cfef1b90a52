import { DOCUMENT } from "@angular/common";
import { Component, computed, inject, input } from "@angular/core";

import { CopyButton } from "./copy-button.ts";

/** The sample server that every fresh installation has; it has a tool "echo". */
const ECHO_SERVER = "everything";
const ECHO = { method: "tools/call", body: '{"tool":"echo","arguments":{"message":"hello"}}' };
/** What every server answers to, whatever its tools. */
const LIST = { method: "tools/list", body: "{}" };

/** A curl line that makes a first call through this gateway. */
@Component({
  selector: "gwo-call-hint",
  imports: [CopyButton],
  template: `<div class="hint">
    <pre tabindex="0" role="region" aria-label="Example call">{{ line() }}</pre>
    <gwo-copy-button [text]="line()" label="Copy example call" />
  </div>`,
  styles: `
    :host {
      display: block;
      width: 100%;
    }
    .hint {
      display: flex;
      align-items: flex-start;
      gap: 4px;
      padding: 8px 8px 8px 12px;
      border: 1px solid var(--gwo-line);
      border-radius: 8px;
      background: var(--gwo-bg);
      color: var(--mat-sys-on-surface);
      text-align: left;
    }
    pre {
      flex: 1;
      min-width: 0;
      margin: 0;
      padding: 4px 0;
      overflow-x: auto;
      font-family: var(--gwo-mono);
      font-size: 12px;
      line-height: 18px;
    }
  `,
})
export class CallHint {
  private readonly origin = inject(DOCUMENT).location.origin;

  /** Key to put in the line. Without one the line has a placeholder. */
  readonly secret = input("$GATEWAYOPS_KEY");
  /** Name of the MCP server to call. */
  readonly server = input(ECHO_SERVER);

  protected readonly line = computed(() => {
    const { method, body } = this.server() === ECHO_SERVER ? ECHO : LIST;
    return `curl ${this.origin}/v1/mcp/${this.server()}/${method} \\
  -H "authorization: Bearer ${this.secret()}" \\
  -H "content-type: application/json" \\
  -d '${body}'`;
  });
}
