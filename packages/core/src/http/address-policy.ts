import { BlockList, isIPv4, isIPv6 } from "node:net";

/** The special-purpose IPv4 networks of the IANA registry, and the address under which Azure serves its machines' metadata. */
const IPV4: [network: string, prefix: number, meaning: string][] = [
  ["0.0.0.0", 8, "this network"],
  ["10.0.0.0", 8, "private"],
  ["100.64.0.0", 10, "shared by a carrier's NAT"],
  ["127.0.0.0", 8, "loopback"],
  ["168.63.129.16", 32, "cloud metadata"],
  ["169.254.0.0", 16, "link-local"],
  ["172.16.0.0", 12, "private"],
  ["192.0.0.0", 24, "reserved"],
  ["192.0.2.0", 24, "for documentation"],
  ["192.88.99.0", 24, "a 6to4 relay"],
  ["192.168.0.0", 16, "private"],
  ["198.18.0.0", 15, "for benchmarks"],
  ["198.51.100.0", 24, "for documentation"],
  ["203.0.113.0", 24, "for documentation"],
  ["224.0.0.0", 4, "multicast"],
  ["240.0.0.0", 4, "reserved"],
];

/** What is refused within 2000::/3, outside of which no IPv6 address is public. */
const IPV6: [network: string, prefix: number, meaning: string][] = [
  ["2001::", 23, "for protocols such as Teredo"],
  ["2001:db8::", 32, "for documentation"],
  ["2002::", 16, "6to4, with an IPv4 address inside"],
  ["3fff::", 20, "for documentation"],
];

/** The IPv6 networks outside of 2000::/3 that deserve a name of their own in an error. */
const IPV6_NAMED: [network: string, prefix: number, meaning: string][] = [
  ["::1", 128, "loopback"],
  ["::ffff:0:0", 96, "IPv4-mapped"],
  ["64:ff9b::", 96, "NAT64, with an IPv4 address inside"],
  ["64:ff9b:1::", 48, "NAT64, with an IPv4 address inside"],
  ["fc00::", 7, "private"],
  ["fe80::", 10, "link-local"],
  ["ff00::", 8, "multicast"],
];

const refusedIpv4 = toLists("ipv4", IPV4);
const refusedIpv6 = toLists("ipv6", [...IPV6, ...IPV6_NAMED]);
const [publicIpv6] = toLists("ipv6", [["2000::", 3, "public"]]);

/** Why an address is not on the public internet, in words such as "loopback"; undefined where it is. */
export function whyNotPublic(address: string): string | undefined {
  if (isIPv4(address)) return refusedIpv4.find(({ list }) => list.check(address, "ipv4"))?.meaning;
  if (!isIPv6(address) || address.includes("%")) return "not an address";
  const refused = refusedIpv6.find(({ list }) => list.check(address, "ipv6"));
  if (refused) return refused.meaning;
  return publicIpv6?.list.check(address, "ipv6") ? undefined : "reserved";
}

function toLists(family: "ipv4" | "ipv6", networks: typeof IPV4): { meaning: string; list: BlockList }[] {
  return networks.map(([network, prefix, meaning]) => {
    const list = new BlockList();
    list.addSubnet(network, prefix, family);
    return { meaning, list };
  });
}
