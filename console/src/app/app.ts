import { Component, inject } from "@angular/core";
import { RouterOutlet } from "@angular/router";

import { Theme } from "./theme/theme.ts";

@Component({
  selector: "gwo-root",
  imports: [RouterOutlet],
  template: `<router-outlet />`,
  styles: ":host { display: block; height: 100% }",
})
export class App {
  // Made here so that every page, the sign-in page too, follows the chosen theme.
  protected readonly theme = inject(Theme);
}
