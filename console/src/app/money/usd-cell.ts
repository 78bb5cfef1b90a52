import { Component, computed, input } from "@angular/core";

import { decimalsOf, formatUsd } from "./usd.ts";

/** An amount in a column: what it has fewer decimals than the others is left blank, so that the points line up. */
@Component({
  selector: "gwo-usd-cell",
  template: `<span [attr.data-blank]="blank()">{{ text() }}</span>`,
  styles: `
    span::after {
      content: attr(data-blank) / "";
      visibility: hidden;
    }
  `,
})
export class UsdCell {
  readonly usdMicros = input.required<bigint>();
  /** Decimals of the column, as `mostDecimals` gives them. */
  readonly decimals = input.required<number>();

  protected readonly text = computed(() => formatUsd(this.usdMicros()));
  protected readonly blank = computed(() =>
    "0".repeat(Math.max(0, this.decimals() - decimalsOf(this.usdMicros()))),
  );
}
