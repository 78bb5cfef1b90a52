import ipaddr from "ipaddr.js";

/** Whether an address may be connected to. */
export type AddressGuard = (address: string) => boolean;

type Ip = ipaddr.IPv4 | ipaddr.IPv6;

/** Addresses of no server of anybody's: what answers there gives away the host's own secrets, or is many hosts. */
const NEVER: ReadonlySet<string> = new Set([
  ...["unspecified", "broadcast", "multicast", "linkLocal", "reserved"],
  ...["discard", "benchmarking", "orchid2", "droneRemoteIdProtocolEntityTags", "deprecated"],
]);
const PRIVATE: ReadonlySet<string> = new Set([
  ...["private", "loopback", "carrierGradeNat", "uniqueLocal"],
]);

/** Where clouds tell their hosts' secrets, outside of the link-local range. */
const METADATA: ReadonlySet<string> = new Set([
  ...["168.63.129.16", "100.100.100.200", "192.0.0.192"],
  ...["fd00:ec2::254", "fd20:ce::254", "fd00:42::42"],
]);

/** @param denyPrivate true to refuse addresses of private networks and of this host as well */
export function createAddressGuard(denyPrivate: boolean): AddressGuard {
  return (address) => {
    if (!ipaddr.isValid(address)) return false;
    const ip = innermost(ipaddr.parse(address));
    const range: string = ip.range();
    if (NEVER.has(range) || METADATA.has(ip.toString())) return false;
    return !denyPrivate || !PRIVATE.has(range);
  };
}

/** The IPv4 address that an IPv6 address stands for: mapped, behind NAT64, of 6to4. */
function innermost(ip: Ip): Ip {
  if (!(ip instanceof ipaddr.IPv6)) return ip;
  if (ip.isIPv4MappedAddress()) return ip.toIPv4Address();
  const bytes = ip.toByteArray();
  const range = ip.range();
  if (range === "rfc6052" || range === "rfc6145") return new ipaddr.IPv4(bytes.slice(12));
  return range === "6to4" ? new ipaddr.IPv4(bytes.slice(2, 6)) : ip;
}
