import { isIPv6 } from 'node:net'
import { asciiText } from './header-value'

/** How the URL standard writes an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2). */
const MAPPED = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/

/** The client's address; an IPv4 client on a dual-stack socket is shown as the IPv4 client it is. */
export function clientIpText(ip: string): string {
  if (!isIPv6(ip) || ip.includes('%')) return asciiText(ip)
  const mapped = MAPPED.exec(new URL(`http://[${ip}]/`).hostname)
  if (mapped === null) return ip
  const halves = [mapped[1], mapped[2]].map((half) => parseInt(half ?? '0', 16))
  return halves.flatMap((half) => [half >> 8, half & 255]).join('.')
}
