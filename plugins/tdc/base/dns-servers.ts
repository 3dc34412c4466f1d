import { Resolver } from 'node:dns'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

const DNS_PORT = 53

/** The DNS servers of resolv.conf, as Node writes them. */
export function systemDnsServers(): readonly string[] {
  return new Resolver().getServers()
}

/** Why none of the system's DNS servers is trusted to validate; undefined: all are. */
export function untrustedDns(servers = systemDnsServers()): string | undefined {
  const remote = servers.map(serverOf).find(({ address }) => !isOnThisMachine(address))
  if (!remote && servers.length > 0) return undefined
  const where = remote ? `${remote.address} is on another machine` : 'there is none'
  return `no DNS server is trusted: ${where}`
}

/** `192.0.2.1`, `2001:db8::1`, or with another port `192.0.2.1:5353` and `[2001:db8::1]:5353`. */
export function serverOf(text: string): { address: string; port: number } {
  if (isIP(text) !== 0) return { address: text, port: DNS_PORT }
  const [, address = text, port] = /^\[?(.*?)\]?:(\d+)$/.exec(text) ?? []
  return { address, port: Number(port ?? DNS_PORT) }
}

/** What is said on this machine, nobody else hears or changes (RFC 4035 section 4.9.3). */
function isOnThisMachine(address: string): boolean {
  if (address.startsWith('127.') || address === '::1') return true
  return Object.values(networkInterfaces()).some((all) =>
    all?.some((each) => each.address === address),
  )
}
