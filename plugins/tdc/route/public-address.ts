import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

type Block = readonly [net: string, prefix: number]

/**
 * IPv4 addresses that are nobody's on the internet: the IANA special-purpose registry (RFC 6890)
 * where it says "not globally reachable", and multicast (RFC 5771).
 */
const IPV4: readonly Block[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

/** The same for IPv6, with what is deprecated: `::/96` and `fec0::/10` (RFC 4291), 6to4 (RFC 7526). */
const IPV6: readonly Block[] = [
  ['::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['100:0:0:1::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
]

/** RFC 6052 section 2.1: the IPv4 address in the last 32 bits is where it goes. */
const NAT64 = '64:ff9b::'
const NAT64_PREFIX = 96

const SPECIAL = new BlockList()
for (const [net, prefix] of IPV4) {
  // IPv4-mapped IPv6 addresses are compared with these too.
  SPECIAL.addSubnet(net, prefix, 'ipv4')
  SPECIAL.addSubnet(`${NAT64}${net}`, NAT64_PREFIX + prefix, 'ipv6')
}
for (const [net, prefix] of IPV6) SPECIAL.addSubnet(net, prefix, 'ipv6')

/**
 * Whether an intake on the internet can have this address. What the DNS says of a domain is somebody
 * else's word: it must not lead us into our own network, nor, with one of `own`, back to ourselves.
 */
export function isPublic(address: string, own: readonly string[] = ownAddresses()): boolean {
  const [plain = ''] = address.split('%')
  if (isIP(plain) === 0) return false
  return !isIn(SPECIAL, plain) && !isIn(listOf(own), plain)
}

/** Asked each time: addresses come and go while the process runs. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => all?.map((each) => each.address) ?? [])
}

function listOf(addresses: readonly string[]): BlockList {
  const list = new BlockList()
  for (const address of addresses) list.addAddress(address, familyOf(address))
  return list
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, familyOf(address))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}
