import { isIP, isIPv6 } from 'node:net'

/** uri-host of a Host header (RFC 9110 section 7.2) in lower case, without port and brackets. */
export function hostNameOf(header: string): string | undefined {
  const [, v6, name] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::\d*)?$/.exec(header) ?? []
  if (v6 !== undefined) return isIPv6(v6) ? v6.toLowerCase() : undefined
  return name ? name.toLowerCase().replace(/\.$/, '') : undefined
}

/** An address as sockets show it, IPv4 not in its mapped form. */
export function plainAddress(address: string): string {
  const mapped = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
  return isIP(mapped) ? mapped : address
}
