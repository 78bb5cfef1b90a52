import type { Routes } from "@angular/router";

import { sessionGuard } from "./session/session-guard.ts";

export const routes: Routes = [
  {
    path: "sign-in",
    title: "Sign in",
    loadComponent: async () => (await import("./session/sign-in.ts")).SignIn,
  },
  {
    path: "",
    canActivate: [sessionGuard],
    loadComponent: async () => (await import("./shell/shell.ts")).Shell,
    children: [
      {
        path: "",
        pathMatch: "full",
        title: "Dashboard",
        loadChildren: async () => (await import("./dashboard/routes.ts")).dashboardRoutes,
      },
      {
        path: "traces",
        title: "Traces",
        loadComponent: async () => (await import("./traces/trace-list.ts")).TraceList,
      },
      {
        path: "traces/:traceId",
        title: "Trace",
        loadComponent: async () => (await import("./traces/trace-page.ts")).TracePage,
      },
      {
        path: "calls/:requestId",
        title: "Call",
        loadComponent: async () => (await import("./calls/call-page.ts")).CallPage,
      },
      {
        path: "costs",
        title: "Costs",
        loadChildren: async () => (await import("./costs/routes.ts")).costRoutes,
      },
      {
        path: "budgets",
        title: "Budgets",
        loadComponent: async () => (await import("./budgets/budget-list.ts")).BudgetList,
      },
      {
        path: "keys",
        title: "API keys",
        loadComponent: async () => (await import("./keys/key-list.ts")).KeyList,
      },
      {
        path: "servers",
        title: "MCP servers",
        loadComponent: async () => (await import("./servers/server-list.ts")).ServerList,
      },
      {
        path: "servers/:name",
        title: "MCP server",
        loadComponent: async () => (await import("./servers/server-page.ts")).ServerPage,
      },
      {
        path: "**",
        title: "Not found",
        loadComponent: async () => (await import("./page/not-found.ts")).NotFound,
      },
    ],
  },
];
