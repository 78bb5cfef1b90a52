import { lookup as systemLookup, type LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { buildConnector } from "undici";
import type { AddressGuard } from "./address-guard.ts";

/** Code of the error when a name leads to no address that may be connected to. */
export const ADDRESS_FORBIDDEN = "GWO_ADDRESS_FORBIDDEN";

export type ConnectorOptions = {
  readonly timeoutMs: number;
  readonly mayConnect: AddressGuard;
  /** Connects to this address and port, whatever the URL's host says. Undefined: to what the host resolves to. */
  readonly to: { readonly address: string; readonly port: number } | undefined;
};

/**
 * Makes connections to allowed addresses only. The address that was checked is the one that is connected to: a name is
 * resolved once per connection, so it cannot lead elsewhere in between.
 */
export function createConnector({
  timeoutMs,
  mayConnect,
  to,
}: ConnectorOptions): buildConnector.connector {
  const connect = buildConnector({
    timeout: timeoutMs,
    allowH2: false,
    lookup: guardedLookup(mayConnect),
  });
  return (options, callback) => {
    const literal = to?.address ?? options.hostname.replace(/^\[|\]$/g, "");
    if (isIP(literal) !== 0 && !mayConnect(literal)) {
      callback(forbidden(literal), null);
      return;
    }
    if (!to) connect(options, callback);
    else
      connect(
        {
          ...options,
          hostname: to.address,
          port: String(to.port),
          // Certificates are those of the name in the URL: what DNS says of it is not signed (RFC 6125 §6.2.1).
          ...(options.protocol === "https:"
            ? { servername: options.servername ?? options.hostname }
            : {}),
        },
        callback,
      );
  };
}

function guardedLookup(mayConnect: AddressGuard): LookupFunction {
  return (hostname, options, callback) => {
    systemLookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      const allowed = error ? [] : addresses.filter(({ address }) => mayConnect(address));
      const [first] = allowed;
      if (!first) callback(error ?? forbidden(hostname), []);
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

function forbidden(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${host} is no address to connect to`), {
    code: ADDRESS_FORBIDDEN,
  });
}
