import { Component } from "@angular/core";
import { RouterLink } from "@angular/router";

import { EmptyState } from "./empty-state.ts";

@Component({
  selector: "gwo-not-found",
  imports: [EmptyState, RouterLink],
  template: `<div class="page">
    <h1>Not found</h1>
    <div class="card">
      <gwo-empty-state icon="question" heading="There is no page at this address">
        <a routerLink="/">Go to the dashboard</a>
      </gwo-empty-state>
    </div>
  </div>`,
})
export class NotFound {}
