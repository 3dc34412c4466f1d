import type { TlsaData } from '../smtp/tlsa'
import type { DnsAnswer, RecordData } from './dns-answer'
import type { DaneDemand } from '../smtp/dane-chain'
import { type DnsFailure, dnsFailureOf, isFinal } from './dns-failure'
import type { Host } from './mx'
import { usableOf } from '../smtp/tlsa'

/** What the DNS says of the certificates of one host. */
export type Dane =
  /** `why`: the end of a sentence, for people. */
  | { kind: 'none'; why: string }
  | { kind: 'usable'; demand: DaneDemand }
  /** Nobody knows: the host must not be used (RFC 7672 section 2.1.1). */
  | { kind: 'failed'; failure: DnsFailure }

/** Asks for the records of an intake domain's host. Never rejects. */
export type DaneLookup = (domain: string, host: Host) => Promise<Dane>

/** The DNS with a word on what is authentic. All reject with an error that has a DNS code. */
export interface SecureDns {
  mx(domain: string): Promise<Pick<DnsAnswer, 'secure'> & { records: readonly RecordData['MX'][] }>
  addresses(host: string): Promise<Pick<DnsAnswer, 'secure' | 'canonical'>>
  /** Whether the name is an alias by an authentic record. */
  isSecureAlias(host: string): Promise<boolean>
  tlsa(name: string): Promise<Pick<DnsAnswer, 'secure'> & { records: readonly TlsaData[] }>
}

/**
 * RFC 7672 section 2.2: from the MX records over the host's addresses to the TLSA records; all must be
 * authentic.
 *
 * | what is found                                           | then                          | RFC 7672     |
 * | ------------------------------------------------------- | ----------------------------- | ------------ |
 * | MX records not secure                                   | no DANE                       | 2.2.1        |
 * | no MX records: the domain is its host                   | its addresses decide          | 2.2.2        |
 * | addresses not secure, no alias                          | no DANE                       | 2.2.2        |
 * | addresses not secure, of an alias that is secure        | TLSA of the alias alone       | 2.2.2        |
 * | addresses secure, over aliases                          | TLSA of their end, then alias | 2.2.2        |
 * | TLSA secure, some usable                                | DANE                          | 2.2          |
 * | TLSA secure, none usable                                | no DANE                       | 2.2          |
 * | TLSA not secure, or denied                              | no DANE                       | 2.2          |
 * | a look-up that fails, or is bogus                       | the host is not used          | 2.1.1, 2.1.2 |
 *
 * Without DANE it is as before: TLS, verified as the settings say. RFC 7672 has no more than encryption
 * for records that are all unusable; a certificate by the trusted roots is not less.
 */
export async function daneOf(dns: SecureDns, domain: string, { name, port }: Host): Promise<Dane> {
  try {
    if (!(await isSecureHost(dns, domain, name))) return none('the MX records are not signed')
    const { secure, canonical } = await dns.addresses(name)
    const bases = secure ? [...new Set([canonical, name])] : [name]
    if (!secure && (canonical === name || !(await dns.isSecureAlias(name)))) {
      return none(`the address records of ${name} are not signed`)
    }
    for (const base of bases) {
      const found = await tlsaOf(dns, `_${port}._tcp.${base}`)
      if (!found?.secure) continue
      const records = usableOf(found.records)
      if (records.length === 0) return none(`no TLSA record of ${base} can be used`)
      const names = [...new Set([base, name, domain])]
      return { kind: 'usable', demand: { base, records, names } }
    }
    return none(`${name} has no TLSA records that are signed`)
  } catch (error) {
    const failure = dnsFailureOf(`_${port}._tcp.${name}`, error)
    return { kind: 'failed', failure: { ...failure, question: 'TLSA' } }
  }
}

async function isSecureHost(dns: SecureDns, domain: string, name: string): Promise<boolean> {
  try {
    return (await dns.mx(domain)).secure
  } catch (error) {
    if (isFinal(error) && name === domain) return true
    throw error
  }
}

async function tlsaOf(
  dns: SecureDns,
  name: string,
): Promise<Awaited<ReturnType<SecureDns['tlsa']>> | undefined> {
  try {
    return await dns.tlsa(name)
  } catch (error) {
    if (isFinal(error)) return undefined
    throw error
  }
}

function none(why: string): Dane {
  return { kind: 'none', why }
}
