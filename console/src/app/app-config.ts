import { provideBrowserGlobalErrorListeners, type ApplicationConfig } from "@angular/core";
import { MAT_FORM_FIELD_DEFAULT_OPTIONS } from "@angular/material/form-field";
import { provideRouter, TitleStrategy, withComponentInputBinding } from "@angular/router";

import { PageTitle } from "./page/page-title.ts";
import { routes } from "./routes.ts";

export const appConfig: ApplicationConfig = {
  providers: [
    provideBrowserGlobalErrorListeners(),
    provideRouter(routes, withComponentInputBinding()),
    { provide: TitleStrategy, useClass: PageTitle },
    { provide: MAT_FORM_FIELD_DEFAULT_OPTIONS, useValue: { appearance: "outline" } },
  ],
};
