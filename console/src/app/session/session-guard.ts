import { inject } from "@angular/core";
import { Router, type CanActivateFn } from "@angular/router";

import { Session } from "./session.ts";

/** Lets signed-in people pass and sends others to sign in, and back afterwards. */
export const sessionGuard: CanActivateFn = async (_route, state) => {
  const session = inject(Session);
  const router = inject(Router);
  const toSignIn = (problem?: string) =>
    router.createUrlTree(["/sign-in"], {
      queryParams: {
        ...(state.url === "/" ? {} : { return: state.url }),
        ...(problem === undefined ? {} : { problem }),
      },
    });
  try {
    return (await session.restore()) || toSignIn();
  } catch {
    // The server could not say who this is: the sign-in page offers to try again.
    return toSignIn("unreachable");
  }
};
