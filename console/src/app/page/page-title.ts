import { inject, Injectable } from "@angular/core";
import { Title } from "@angular/platform-browser";
import { TitleStrategy, type RouterStateSnapshot } from "@angular/router";

/** Titles pages "Traces · GatewayOps". */
@Injectable({ providedIn: "root" })
export class PageTitle extends TitleStrategy {
  private readonly title = inject(Title);

  override updateTitle(snapshot: RouterStateSnapshot): void {
    const page = this.buildTitle(snapshot);
    this.title.setTitle(page === undefined ? "GatewayOps" : `${page} · GatewayOps`);
  }
}
