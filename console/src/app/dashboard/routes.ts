import type { Routes } from "@angular/router";
import { provideEchartsCore } from "ngx-echarts";

import { echarts } from "../charts/echarts-core.ts";
import { Dashboard } from "./dashboard.ts";

export const dashboardRoutes: Routes = [
  { path: "", component: Dashboard, providers: [provideEchartsCore({ echarts })] },
];
