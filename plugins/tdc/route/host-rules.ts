import type { TlsPolicySource } from '../monitor/events'
import type { Dane } from './dane'
import type { DnsFailure } from './dns-failure'
import { matchesHost } from './host-pattern'
import type { TlsPolicy } from '../smtp/options'
import type { StsPolicy } from './sts-policy'
import type { TlsDemands } from '../smtp/tls'
import { type TlsFailure, tlsFailure } from '../smtp/tls-failure'
import { tlsaText } from '../smtp/tlsa'

/**
 * What one host of an intake domain must satisfy, by the settings, by DANE, and by the domain's MTA-STS
 * policy. MX records come over plain DNS: that a certificate is good for the name that they hold
 * says little as long as nobody has said which names are the intake's.
 *
 * | there is                   | the certificate must satisfy                            |
 * | -------------------------- | ------------------------------------------------------- |
 * | a pin, `verify=false`      | the pin alone                                           |
 * | usable TLSA records        | DANE in place of chain and name (RFC 7672 section 2.2)  |
 * | an MTA-STS policy, enforce | chain and name; and the host is in it (RFC 8461)        |
 * | `verify=true`              | chain and name                                          |
 *
 * A pin is on top of each; the host's name must be in `names` whatever the certificate says. DANE stands
 * before MTA-STS (RFC 8461 section 2): who has both lets DANE decide.
 */
export class HostRules {
  readonly demands: TlsDemands
  readonly sources: readonly TlsPolicySource[]
  private readonly stsMode: StsPolicy['mode']

  constructor(
    private readonly tls: Pick<TlsPolicy, 'verify' | 'names' | 'pins' | 'dane'>,
    private readonly sts: StsPolicy | undefined,
    private readonly dane: Dane = NO_DANE,
  ) {
    const { verify, pins, names } = tls
    // With verify=false a pin decides alone: it says more of the one key than any chain does.
    const pinAlone = !verify && pins.length > 0
    const required = tls.dane === 'require'
    const demand = dane.kind === 'usable' && (required || !pinAlone) ? dane.demand : undefined
    this.stsMode = demand || !sts ? 'none' : sts.mode
    const enforced = this.stsMode === 'enforce'
    this.demands = { verify: verify || (enforced && !pinAlone), dane: demand }
    this.sources = [
      ...(verify && !demand ? ['config' as const] : []),
      ...(pins.length > 0 ? ['pin' as const] : []),
      ...(names.length > 0 ? ['names' as const] : []),
      ...(demand ? ['dane' as const] : []),
      ...(enforced ? ['sts' as const] : []),
    ]
  }

  /** The same for a host of which it is known what DANE says. */
  with(dane: Dane): HostRules {
    return new HostRules(this.tls, this.sts, dane)
  }

  /** What the DNS says of the host's certificates, for people. */
  get daneText(): string {
    switch (this.dane.kind) {
      case 'none':
        return `no: ${this.dane.why}`
      case 'failed':
        return `not known: ${this.dane.failure.text}`
      case 'usable': {
        const { base, records } = this.dane.demand
        return `TLSA ${records.map(tlsaText).join(', ')} of ${base}${this.demands.dane ? '' : ', not asked for beside the pin'}`
      }
    }
  }

  /** Why nothing is sent to a host of this name; undefined: it may be connected to. */
  refusal(host: string): TlsFailure | DnsFailure | undefined {
    const { names } = this.tls
    if (names.length > 0 && !names.some((name) => matchesHost(name, host))) {
      return tlsFailure('validation-failure', 'the host is not one of [tls] names')
    }
    if (this.dane.kind === 'failed') return this.dane.failure
    if (this.tls.dane === 'require' && this.dane.kind !== 'usable') {
      return tlsFailure('dane-required', `[tls] dane=require, but ${this.dane.why}`)
    }
    return this.stsMode === 'enforce' ? this.stsRefusal(host) : undefined
  }

  /** What a policy in mode testing would have refused (RFC 8461 section 5). */
  complaint(host: string, unverified: TlsFailure | undefined): TlsFailure | undefined {
    if (this.stsMode !== 'testing') return undefined
    return this.stsRefusal(host) ?? unverified
  }

  private stsRefusal(host: string): TlsFailure | undefined {
    if (this.sts?.mx.some((pattern) => matchesHost(pattern, host))) return undefined
    return tlsFailure('validation-failure', 'the host is not in the MTA-STS policy')
  }
}

const NO_DANE: Dane = { kind: 'none', why: 'it was not asked for' }
