import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Clock } from '../clock'
import type { DaneLookup } from './dane'
import { DnsClient, type DnsServer } from './dns-client'
import { makeMxLookup, type MxLookup } from './mx-lookup'
import type { TlsPolicy } from './options'
import { secureLookup } from './secure-lookup'

/** How the intakes' hosts are found, and what DANE says of them. */
export interface IntakeDns {
  readonly lookup: MxLookup
  readonly dane: DaneLookup | undefined
}

export interface DnsSettings {
  readonly dane: TlsPolicy['dane']
  readonly resolver: DnsServer | undefined
}

const DNS_PORT = 53

/** What is asked with what; the answers are kept over a reload that does not change whom. */
export class IntakeDnsSource {
  private readonly made = new Map<string, IntakeDns>()
  private plain: MxLookup | undefined

  constructor(
    private readonly clock: Clock,
    /** The DNS servers of resolv.conf, as Node writes them. */
    private readonly systemServers = (): readonly string[] => new Resolver().getServers(),
  ) {}

  of({ dane, resolver }: DnsSettings): IntakeDns {
    if (dane === 'off') return { lookup: this.plainLookup, dane: undefined }
    const servers = resolver ? [resolver] : this.systemServers().map(serverOf)
    const remote = servers.find(({ address }) => !isOnThisMachine(address))
    if (!resolver && (remote || servers.length === 0)) {
      const where = remote ? `${remote.address} is on another machine` : 'there is none'
      const why = `no DNS server is trusted: ${where}, and [tls] resolver names none`
      return { lookup: this.plainLookup, dane: () => Promise.resolve({ kind: 'none', why }) }
    }
    const key = JSON.stringify(servers)
    const known = this.made.get(key) ?? secureLookup(new DnsClient(servers, this.clock), this.clock)
    this.made.clear()
    this.made.set(key, known)
    return known
  }

  private get plainLookup(): MxLookup {
    return (this.plain ??= makeMxLookup(this.clock))
  }
}

/** `192.0.2.1`, `2001:db8::1`, or with another port `192.0.2.1:5353` and `[2001:db8::1]:5353`. */
function serverOf(text: string): DnsServer {
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
