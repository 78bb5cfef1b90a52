import type { DescService } from "@bufbuild/protobuf";
import { createClient, type Client, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { SessionService } from "@gatewayops/proto/gatewayops/auth/v1/session_service_pb";

export type Admin = { readonly email: string; readonly password: string };

/** Makes a client of a service whose calls carry someone's credentials. */
export type ClientFactory = <S extends DescService>(service: S, baseUrl: string) => Client<S>;

/** Milliseconds that a call of a person may take. */
const TIMEOUT_MS = 15_000;

/** Clients whose calls carry an API key. */
export function keyClients(apiKey: string): ClientFactory {
  return clients({ authorization: `Bearer ${apiKey}` });
}

/** Signs in, lets the work use clients with the session, and signs out. */
export async function asAdmin<T>(
  authUrl: string,
  admin: Admin,
  work: (clientOf: ClientFactory) => Promise<T>,
): Promise<T> {
  const clientOf = clients({ cookie: await signIn(authUrl, admin) });
  try {
    return await work(clientOf);
  } finally {
    // A session that stays behind ends by itself; the work's own outcome counts.
    await clientOf(SessionService, authUrl)
      .signOut({})
      .catch(() => undefined);
  }
}

async function signIn(authUrl: string, admin: Admin): Promise<string> {
  let cookie = "";
  await clients({})(SessionService, authUrl).signIn(admin, {
    onHeader(headers) {
      cookie = headers
        .getSetCookie()
        .map((line) => line.split(";")[0] ?? "")
        .join("; ");
    },
  });
  return cookie;
}

function clients(headers: Readonly<Record<string, string>>): ClientFactory {
  const identify: Interceptor = (next) => (request) => {
    for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
    // Says that no foreign page makes us send the cookie, as a browser would on the console's own pages.
    request.header.set("sec-fetch-site", "same-origin");
    return next(request);
  };
  return (service, baseUrl) =>
    createClient(
      service,
      createConnectTransport({
        baseUrl,
        httpVersion: "1.1",
        defaultTimeoutMs: TIMEOUT_MS,
        interceptors: [identify],
      }),
    );
}
