import type { TlsPolicySource } from '../monitor/events'
import { matchesHost } from './host-pattern'
import type { TlsPolicy } from './options'
import type { StsPolicy } from './sts-policy'
import { type TlsFailure, tlsFailure } from './tls-failure'

/**
 * What the hosts of one intake domain must satisfy, by the settings and by the domain's MTA-STS
 * policy. MX records come over plain DNS: that a certificate is good for the name that they hold
 * says little as long as nobody has said which names are the intake's.
 */
export class HostRules {
  /** Chain and host name of the certificate must be good. */
  readonly verify: boolean
  readonly sources: readonly TlsPolicySource[]

  constructor(
    private readonly tls: Pick<TlsPolicy, 'verify' | 'names' | 'pins'>,
    private readonly sts: StsPolicy | undefined,
  ) {
    const enforced = sts?.mode === 'enforce'
    // With verify=false a pin decides alone: it says more of the one key than any chain does.
    this.verify = tls.verify || (enforced && tls.pins.length === 0)
    this.sources = [
      ...(tls.verify ? ['config' as const] : []),
      ...(tls.pins.length > 0 ? ['pin' as const] : []),
      ...(tls.names.length > 0 ? ['names' as const] : []),
      ...(enforced ? ['sts' as const] : []),
    ]
  }

  /** Why nothing is sent to a host of this name; undefined: it may be connected to. */
  refusal(host: string): TlsFailure | undefined {
    const { names } = this.tls
    if (names.length > 0 && !names.some((name) => matchesHost(name, host))) {
      return tlsFailure('validation-failure', 'the host is not one of [tls] names')
    }
    return this.sts?.mode === 'enforce' ? this.stsRefusal(host) : undefined
  }

  /** What a policy in mode testing would have refused (RFC 8461 section 5). */
  complaint(host: string, unverified: TlsFailure | undefined): TlsFailure | undefined {
    if (this.sts?.mode !== 'testing') return undefined
    return this.stsRefusal(host) ?? unverified
  }

  private stsRefusal(host: string): TlsFailure | undefined {
    if (this.sts?.mx.some((pattern) => matchesHost(pattern, host))) return undefined
    return tlsFailure('validation-failure', 'the host is not in the MTA-STS policy')
  }
}
