import { BreakpointObserver } from "@angular/cdk/layout";
import { Component, computed, ElementRef, inject, signal, viewChild } from "@angular/core";
import { takeUntilDestroyed, toSignal } from "@angular/core/rxjs-interop";
import { MatButton, MatIconButton } from "@angular/material/button";
import { MatSidenav, MatSidenavContainer, MatSidenavContent } from "@angular/material/sidenav";
import { MatSnackBar } from "@angular/material/snack-bar";
import {
  NavigationEnd,
  Router,
  RouterLink,
  RouterLinkActive,
  RouterOutlet,
  type IsActiveMatchOptions,
} from "@angular/router";
import { distinctUntilChanged, filter, map, skip } from "rxjs";

import type { IconName } from "../icons/icon-paths.ts";
import { Icon } from "../icons/icon.ts";
import { Logo } from "../icons/logo.ts";
import { failureFrom } from "../rpc/failure.ts";
import { Session } from "../session/session.ts";
import { ThemeToggle } from "../theme/theme-toggle.ts";
import { describeTimeZone } from "../time/time-zone.ts";

interface Place {
  readonly path: string;
  readonly label: string;
  readonly icon: IconName;
  readonly permission: string;
  /** When the place counts as the current one. */
  readonly match: IsActiveMatchOptions;
}

const BELOW: IsActiveMatchOptions = {
  paths: "subset",
  queryParams: "ignored",
  matrixParams: "ignored",
  fragment: "ignored",
};
const EXACTLY: IsActiveMatchOptions = { ...BELOW, paths: "exact" };

const PLACES: readonly Place[] = [
  { path: "/", label: "Dashboard", icon: "dashboard", permission: "costs:read", match: EXACTLY },
  { path: "/traces", label: "Traces", icon: "traces", permission: "traces:read", match: BELOW },
  { path: "/costs", label: "Costs", icon: "costs", permission: "costs:read", match: BELOW },
  { path: "/budgets", label: "Budgets", icon: "budgets", permission: "budgets:read", match: BELOW },
  {
    path: "/servers",
    label: "MCP servers",
    icon: "servers",
    permission: "servers:read",
    match: BELOW,
  },
  { path: "/keys", label: "API keys", icon: "keys", permission: "api_keys:read", match: BELOW },
];

/** The frame of every page for signed-in people: navigation, who is signed in, theme, time zone. */
@Component({
  selector: "gwo-shell",
  imports: [
    Icon,
    Logo,
    MatButton,
    MatIconButton,
    MatSidenav,
    MatSidenavContainer,
    MatSidenavContent,
    RouterLink,
    RouterLinkActive,
    RouterOutlet,
    ThemeToggle,
  ],
  templateUrl: "./shell.html",
  styleUrl: "./shell.scss",
  host: { "(keydown.escape)": "accountOpen.set(false)" },
})
export class Shell {
  private readonly session = inject(Session);
  private readonly snackBar = inject(MatSnackBar);
  private readonly scroller = viewChild.required(MatSidenavContent);
  private readonly main = viewChild.required<ElementRef<HTMLElement>>("main");

  protected readonly identity = this.session.identity;
  protected readonly places = computed(() =>
    PLACES.filter((place) => this.session.can(place.permission)),
  );
  protected readonly narrow = toSignal(
    inject(BreakpointObserver)
      .observe("(max-width: 899.98px)")
      .pipe(map((state) => state.matches)),
    { requireSync: true },
  );
  protected readonly navOpen = signal(false);
  protected readonly accountOpen = signal(false);
  protected readonly zone = describeTimeZone(Date.now());
  protected readonly initial = computed(() => {
    const name = this.identity()?.name ?? "";
    return (name === "" ? (this.identity()?.email ?? "?") : name).slice(0, 1).toUpperCase();
  });

  constructor() {
    // A new page gets the focus, so that keyboards and screen readers begin at its top; new filters do not.
    inject(Router)
      .events.pipe(
        filter((event) => event instanceof NavigationEnd),
        map((event) => event.urlAfterRedirects.split("?")[0]),
        distinctUntilChanged(),
        skip(1),
        takeUntilDestroyed(),
      )
      .subscribe(() => {
        this.navOpen.set(false);
        this.accountOpen.set(false);
        this.focusMain();
      });
  }

  protected skipToMain(event: Event): void {
    // The document's base is "/": following "#main" would leave the page.
    event.preventDefault();
    this.focusMain();
  }

  protected async signOut(): Promise<void> {
    try {
      await this.session.signOut();
    } catch (error) {
      this.snackBar.open(`Signing out failed. ${failureFrom(error).message}`, "Close");
    }
  }

  private focusMain(): void {
    this.main().nativeElement.focus({ preventScroll: true });
    this.scroller().scrollTo({ top: 0 });
  }
}
