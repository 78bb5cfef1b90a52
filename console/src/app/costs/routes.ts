import type { Routes } from "@angular/router";
import { provideEchartsCore } from "ngx-echarts";

import { echarts } from "../charts/echarts-core.ts";
import { CostPage } from "./cost-page.ts";

export const costRoutes: Routes = [
  { path: "", component: CostPage, providers: [provideEchartsCore({ echarts })] },
];
