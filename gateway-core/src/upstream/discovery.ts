import type { Resolver } from "node:dns/promises";

/** One instance of a server. */
export type Instance = {
  /** Address, or a name that only the system's resolver knows. */
  readonly address: string;
  readonly port: number;
  /** Lower ones are taken first (RFC 2782). */
  readonly priority: number;
  /** Share among those of its priority. */
  readonly weight: number;
};

export type Discovered = {
  readonly instances: readonly Instance[];
  /** Milliseconds for which that holds; undefined: DNS did not say. */
  readonly ttlMs: number | undefined;
};

/** What is asked of DNS. */
export type DnsClient = Pick<Resolver, "resolveSrv" | "resolve4" | "resolve6">;

/** Prefix of the SRV records: what Kubernetes makes of a headless service's port of the name "mcp". */
const SERVICE = "_mcp._tcp.";
const INSTANCES_MAX = 64;
/** What says that there is no such record; anything else says that DNS could not be asked. */
const NO_RECORD: ReadonlySet<string> = new Set(["ENODATA", "ENOTFOUND"]);

/**
 * Finds the instances behind a URL: those of its host's SRV records, unless the URL names a port; else each address of
 * its host; else, where DNS knows nothing, the host by the system's own means, such as its hosts file.
 *
 * @throws Error when DNS cannot be asked, or says that the service is not offered
 */
export async function discover(url: URL, dns: DnsClient): Promise<Discovered> {
  const host = url.hostname;
  if (url.port === "") {
    const records = await noneIfMissing(dns.resolveSrv(`${SERVICE}${host}`));
    if (records.length > 0) return instancesOf(records, dns);
  }
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  const found = await addressesOf(host, dns);
  const addresses = found.length > 0 ? found : [{ address: host, ttl: undefined }];
  return {
    instances: addresses
      .slice(0, INSTANCES_MAX)
      .map(({ address }) => ({ address, port, priority: 0, weight: 1 })),
    ttlMs: leastOf(addresses),
  };
}

type SrvRecord = Awaited<ReturnType<DnsClient["resolveSrv"]>>[number];

async function instancesOf(records: SrvRecord[], dns: DnsClient): Promise<Discovered> {
  const offered = records.filter(({ name }) => name !== "" && name !== ".").slice(0, INSTANCES_MAX);
  if (offered.length === 0)
    throw Object.assign(new Error("the service is not offered (RFC 2782)"), { code: "ENOTFOUND" });
  const found = await Promise.all(
    offered.map(async ({ name, port, priority, weight }) =>
      (await addressesOf(name, dns)).map(({ address, ttl }) => ({
        ttl,
        // Weight 0 is "hardly ever", not "never" (RFC 2782).
        instance: { address, port, priority, weight: weight || 0.1 },
      })),
    ),
  );
  const all = found.flat();
  if (all.length === 0)
    throw Object.assign(new Error("no instance has an address"), { code: "ENOTFOUND" });
  return {
    instances: all.slice(0, INSTANCES_MAX).map(({ instance }) => instance),
    ttlMs: leastOf(all),
  };
}

type Address = { readonly address: string; readonly ttl: number | undefined };

async function addressesOf(name: string, dns: DnsClient): Promise<Address[]> {
  const [four, six] = await Promise.allSettled([
    noneIfMissing(dns.resolve4(name, { ttl: true })),
    noneIfMissing(dns.resolve6(name, { ttl: true })),
  ]);
  const found = [four, six].flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  if (found.length > 0) return found;
  for (const one of [four, six]) if (one.status === "rejected") throw one.reason;
  return [];
}

async function noneIfMissing<T>(answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code === "string" && NO_RECORD.has(code)) return [];
    throw error;
  }
}

function leastOf(addresses: readonly { readonly ttl: number | undefined }[]): number | undefined {
  const ttls = addresses.flatMap(({ ttl }) => (ttl === undefined ? [] : [ttl]));
  return ttls.length === 0 ? undefined : Math.min(...ttls) * 1_000;
}
