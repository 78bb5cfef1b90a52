import { MediaMatcher } from "@angular/cdk/layout";
import { DOCUMENT } from "@angular/common";
import { computed, DestroyRef, effect, inject, Injectable, signal } from "@angular/core";

const STORAGE_KEY = "gwo.theme";

export const THEME_CHOICES = ["light", "system", "dark"] as const;
export type ThemeChoice = (typeof THEME_CHOICES)[number];

/** The theme the person chose, kept in this browser. public/theme.js applies it before the first paint. */
@Injectable({ providedIn: "root" })
export class Theme {
  private readonly root = inject(DOCUMENT).documentElement;
  private readonly systemDark = signal(false);
  private readonly chosen = signal<ThemeChoice>(storedChoice());

  readonly choice = this.chosen.asReadonly();
  /** True when the page is dark now. */
  readonly dark = computed(() =>
    this.chosen() === "system" ? this.systemDark() : this.chosen() === "dark",
  );

  constructor() {
    const query = inject(MediaMatcher).matchMedia("(prefers-color-scheme: dark)");
    const follow = (): void => {
      this.systemDark.set(query.matches);
    };
    follow();
    query.addEventListener("change", follow);
    inject(DestroyRef).onDestroy(() => {
      query.removeEventListener("change", follow);
    });
    effect(() => {
      const choice = this.chosen();
      if (choice === "system") delete this.root.dataset["theme"];
      else this.root.dataset["theme"] = choice;
    });
  }

  choose(choice: ThemeChoice): void {
    this.chosen.set(choice);
    try {
      localStorage.setItem(STORAGE_KEY, choice);
    } catch {
      // Storage is blocked: the choice lasts until the page is closed.
    }
  }
}

function storedChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return THEME_CHOICES.find((choice) => choice === stored) ?? "system";
  } catch {
    // Storage is blocked: follow the system.
    return "system";
  }
}
