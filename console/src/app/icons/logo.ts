import { Component } from "@angular/core";

/** The product's mark. */
@Component({
  selector: "gwo-logo",
  template: `<svg viewBox="0 0 32 32" focusable="false" aria-hidden="true">
    <rect width="32" height="32" rx="7" fill="#2f5bd7" />
    <path
      d="M8 25V14a8 8 0 0 1 16 0v11M13 25V15a3 3 0 0 1 6 0v10"
      fill="none"
      stroke="#fff"
      stroke-width="2.6"
      stroke-linecap="round"
    />
  </svg>`,
  styles: `
    :host {
      display: inline-flex;
      width: 28px;
      height: 28px;
    }
  `,
})
export class Logo {}
