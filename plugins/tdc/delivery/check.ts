import type { TdcEvent, TlsPolicySource } from '../monitor/events'
import { Attempt } from './attempt'
import { WindowMemory } from '../smtp/window-memory'
import { type ConnectOptions, policyOf, reachable, resolveHosts, rulesOf } from './connect'
import { HostRules } from '../route/host-rules'
import type { Host } from '../route/mx'
import type { Failure } from '../smtp/outcome'
import { makeSecurer, WANTS_OURS } from '../smtp/tls'

/** What a look at one host of an intake found; no mail was sent. */
export interface CheckedHost {
  readonly name: string
  readonly address: string
  readonly port: number
  /** Null: the handshake did not succeed, or was not reached. */
  readonly tls: CheckedTls | null
  /** What the DNS says of its certificates, in words. */
  readonly dane: string
  /** Extensions in the reply to the EHLO inside TLS. */
  readonly offers: readonly string[]
  /** Why no copy could be delivered there; null: one could. */
  readonly problem: string | null
}

export interface CheckedTls {
  readonly protocol: string
  readonly cipher: string
  readonly group: string | null
  readonly issuer: string
  /** Milliseconds since 1970; null: the certificate does not say. */
  readonly certificateEnd: number | null
  /** What had to be satisfied, and was. */
  readonly satisfied: readonly TlsPolicySource[]
}

export interface CheckedDomain {
  readonly domain: string
  readonly hosts: readonly CheckedHost[]
  /** Why there is no host to look at. */
  readonly problem: string | null
}

/** Looks at every host of an intake domain the way a delivery would, up to the reply to EHLO. */
export async function checkDomain(
  options: ConnectOptions,
  looking: (host: Host) => void,
): Promise<CheckedDomain> {
  const { domain, tls, timeouts, clock, localAddress } = options
  const [resolved, sts] = await Promise.all([resolveHosts(options), policyOf(options)])
  if (resolved.kind === 'failed') {
    return { domain, hosts: [], problem: failureText(resolved.failure) }
  }
  const rules = new HostRules(tls, sts)
  const securer = makeSecurer(tls, timeouts.tls, clock)
  const windows = new WindowMemory(clock)
  const mayConnect = options.route ? () => true : options.mayConnect
  const hosts: CheckedHost[] = []
  for (const host of reachable(resolved.hosts, localAddress)) {
    looking(host)
    const own = await rulesOf(host, rules, options)
    const secure = securer(own.demands)
    const refusal = own.refusal(host.name)
    const { daneText } = own
    hosts.push(
      refusal
        ? { ...host, tls: null, dane: daneText, offers: [], problem: failureText(refusal) }
        : await checkHost(host, { ...options, mayConnect, rules: own, secure, windows, ...ALONE }),
    )
  }
  const problem = hosts.length === 0 ? 'no address of the family of the local address' : null
  return { domain, hosts, problem }
}

/** Each address is looked at by itself, and gets no message. */
const ALONE = { addresses: 1, told: () => {}, greeted: () => {} }

async function checkHost(
  host: Host,
  options: ConnectOptions & ConstructorParameters<typeof Attempt>[2],
): Promise<CheckedHost> {
  let tls: CheckedTls | null = null
  let wish = ''
  const report = (event: TdcEvent): void => {
    if (event.kind === 'certificate-wanted') wish = `; ${WANTS_OURS}`
    if (event.kind === 'tls-success') tls = tlsOf(event)
  }
  const { signal } = new AbortController()
  const dane = options.rules.daneText
  const opened = await new Attempt(options.nextDcid(), host, { ...options, report }, signal).run()
  if (opened.kind === 'failed') {
    return { ...host, tls, dane, offers: [], problem: failureText(opened.failure) + wish }
  }
  const { session } = opened
  session.quit()
  return { ...host, tls, dane, offers: session.offers, problem: null }
}

function tlsOf(event: Extract<TdcEvent, { kind: 'tls-success' }>): CheckedTls {
  const { protocol, cipher, group = null, issuer, certificateEnd, policy } = event
  const end = Number.isFinite(certificateEnd) ? certificateEnd : null
  return { protocol, cipher, group, issuer, certificateEnd: end, satisfied: policy }
}

function failureText(failure: Failure): string {
  switch (failure.kind) {
    case 'reply':
      return `${failure.command}: ${failure.reply.code} ${failure.reply.text}`
    case 'tls':
      return `TLS: ${failure.reason}: ${failure.text}`
    case 'network':
      return `connection: ${failure.details}: ${failure.reason}`
    case 'dns':
      return `DNS: ${failure.domain}: ${failure.result}: ${failure.text}`
  }
}
