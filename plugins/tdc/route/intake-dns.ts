import { serverOf, systemDnsServers, untrustedDns } from '../base/dns-servers'
import type { Clock } from '../clock'
import type { DaneLookup } from './dane'
import { DnsClient, type DnsServer } from './dns-client'
import { makeMxLookup, type MxLookup } from './mx-lookup'
import type { TlsPolicy } from '../smtp/options'
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

/** What is asked with what; the answers are kept over a reload that does not change whom. */
export class IntakeDnsSource {
  private readonly made = new Map<string, IntakeDns>()
  private plain: MxLookup | undefined

  constructor(
    private readonly clock: Clock,
    /** The DNS servers of resolv.conf, as Node writes them. */
    private readonly systemServers = systemDnsServers,
  ) {}

  of({ dane, resolver }: DnsSettings): IntakeDns {
    if (dane === 'off') return { lookup: this.plainLookup, dane: undefined }
    const servers = resolver ? [resolver] : this.systemServers().map(serverOf)
    const untrusted = resolver ? undefined : untrustedDns(this.systemServers())
    if (untrusted !== undefined) {
      const why = `${untrusted}, and [tls] resolver names none`
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
