import { DOCUMENT } from "@angular/common";
import { inject, InjectionToken } from "@angular/core";
import type { DescService } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createClient,
  type Client,
  type Interceptor,
  type Transport,
} from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { SessionService } from "@gatewayops/proto/gatewayops/auth/v1/session_service_pb";
import { Subject } from "rxjs";

const TIMEOUT_MS = 30_000;

/** Speaks when a call was answered that there is no session (any more). */
export const SESSION_ENDED = new InjectionToken<Subject<void>>("SESSION_ENDED", {
  providedIn: "root",
  factory: () => new Subject<void>(),
});

/** Connect over fetch to the console's own origin. Binary, so that enum values of a newer server survive. */
export const TRANSPORT = new InjectionToken<Transport>("TRANSPORT", {
  providedIn: "root",
  factory: () =>
    createConnectTransport({
      baseUrl: inject(DOCUMENT).location.origin,
      useBinaryFormat: true,
      defaultTimeoutMs: TIMEOUT_MS,
      fetch: (input, init) => fetch(input, { ...init, credentials: "same-origin" }),
      interceptors: [announceSessionEnd(inject(SESSION_ENDED))],
    }),
});

/** Makes a client of a service. Call it where `inject` may be called. */
export function injectClient<S extends DescService>(service: S): Client<S> {
  return createClient(service, inject(TRANSPORT));
}

function announceSessionEnd(ended: Subject<void>): Interceptor {
  return (next) => async (request) => {
    try {
      return await next(request);
    } catch (error) {
      const unauthenticated = ConnectError.from(error).code === Code.Unauthenticated;
      // Signing in and asking who one is have their own answer to this.
      if (unauthenticated && request.service.typeName !== SessionService.typeName) ended.next();
      throw error;
    }
  };
}
