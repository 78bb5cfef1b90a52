import { describe, expect, it } from "@jest/globals";
import { createAddressGuard } from "./address-guard.ts";

const open = createAddressGuard(false);
const strict = createAddressGuard(true);

describe("an address guard", () => {
  it.each([
    ["an unspecified address", "0.0.0.0"],
    ["an address of the network this one is", "0.1.2.3"],
    ["a link-local address, a cloud's metadata", "169.254.169.254"],
    ["metadata of Azure", "168.63.129.16"],
    ["metadata of Alibaba Cloud", "100.100.100.200"],
    ["a multicast address", "224.0.0.1"],
    ["the broadcast address", "255.255.255.255"],
    ["a reserved address", "240.0.0.1"],
    ["an unspecified IPv6 address", "::"],
    ["a link-local IPv6 address", "fe80::1"],
    ["a multicast IPv6 address", "ff02::1"],
    ["metadata of EC2 over IPv6", "fd00:ec2::254"],
    ["metadata mapped into IPv6", "::ffff:169.254.169.254"],
    ["metadata behind NAT64", "64:ff9b::a9fe:a9fe"],
    ["metadata by 6to4", "2002:a9fe:a9fe::1"],
    ["what is no address", "localhost"],
  ])("always refuses %s", (_, address) => {
    expect(open(address)).toBe(false);
    expect(strict(address)).toBe(false);
  });

  it.each([
    ["loopback", "127.0.0.1"],
    ["a private network", "10.1.2.3"],
    ["a private network", "172.16.0.1"],
    ["a private network", "192.168.1.1"],
    ["a carrier's network", "100.64.0.1"],
    ["loopback of IPv6", "::1"],
    ["a unique local IPv6 network", "fd12:3456::1"],
    ["loopback mapped into IPv6", "::ffff:127.0.0.1"],
  ])("refuses %s only where private networks are denied", (_, address) => {
    expect(open(address)).toBe(true);
    expect(strict(address)).toBe(false);
  });

  it.each(["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])(
    "lets the public address %s be connected to",
    (address) => {
      expect(strict(address)).toBe(true);
    },
  );
});
