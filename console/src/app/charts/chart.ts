import { Component, input } from "@angular/core";
import type { EChartsCoreOption } from "echarts/core";
import { NgxEchartsDirective } from "ngx-echarts";

/** Draws a chart. What it shows is said in `label` too, for those who do not see it. */
@Component({
  selector: "gwo-chart",
  imports: [NgxEchartsDirective],
  template: `<div
    echarts
    role="img"
    [attr.aria-label]="label()"
    [options]="options()"
    [initOpts]="{ renderer: 'svg' }"
    [style.height.px]="height()"
  ></div>`,
  styles: ":host { display: block; min-width: 0 }",
})
export class Chart {
  readonly options = input.required<EChartsCoreOption>();
  readonly label = input.required<string>();
  /** Height in pixels. */
  readonly height = input(200);
}
