import { isIP } from 'node:net'
import type { Clock } from '../clock'
import type { Report, TdcEvent } from '../monitor/events'
import { AddressBackoff } from '../route/address-backoff'
import { Attempt } from './attempt'
import { WindowMemory } from '../smtp/window-memory'
import { DNS_RESULT_NAMES } from '../route/dns-failure'
import type { DaneLookup } from '../route/dane'
import { HostRules } from '../route/host-rules'
import { GIVEN_UP } from '../smtp/loss'
import { type Host, permitted, type Resolved, resolveMx, resolveRoute } from '../route/mx'
import type { MxLookup } from '../route/mx-lookup'
import type { FixedHost, Timeouts, TlsPolicy } from '../smtp/options'
import type { Failure } from '../smtp/outcome'
import { retriesOf } from './retries'
import { reportFailure } from '../smtp/peer'
import { Repeats } from './repeats'
import { replyLine } from '../smtp/reply'
import type { Opened, SendResult, SessionMaker } from '../smtp/session'
import type { StsPolicy } from '../route/sts-policy'
import { makeSecurer } from '../smtp/tls'

export interface ConnectOptions {
  /** Domain of the intake address, in ASCII. */
  readonly domain: string
  /** A fixed host in place of the domain's MX hosts. */
  readonly route: FixedHost | undefined
  /** TCP port of the MX hosts. */
  readonly port: number
  /** Name for EHLO. */
  readonly helo: string
  /** Local address to connect from; undefined: the system's choice. */
  readonly localAddress: string | undefined
  /** Messages on their way over one connection at a time, where the intake offers CHUNKING. */
  readonly window: number
  readonly timeouts: Timeouts
  readonly tls: TlsPolicy
  readonly clock: Clock
  readonly report: Report
  readonly lookup: MxLookup
  /** The MTA-STS policy in force for a domain; never rejects, and answers within seconds. */
  readonly stsPolicyOf: (domain: string) => Promise<StsPolicy | undefined>
  /** What DANE demands of a host; undefined: it is not asked for. */
  readonly dane?: DaneLookup | undefined
  /** Whether an address that the DNS names may be connected to; a route is not asked about. */
  readonly mayConnect: (address: string) => boolean
  readonly random: () => number
  /** The next destination connection id; one for each TCP attempt. */
  readonly nextDcid: () => number
}

type Refused = Omit<Extract<TdcEvent, { kind: 'refused' }>, 'count'>

/** The connections of one intake domain. */
export function makeSessionMaker(options: ConnectOptions): SessionMaker {
  const { clock, report, timeouts, tls } = options
  const addresses = new AddressBackoff(clock, options.random)
  const windows = new WindowMemory(clock)
  const securer = makeSecurer(tls, timeouts.tls, clock)
  const refusals = {
    connections: new Repeats<Refused>(clock, (last, count) => report({ ...last, count })),
    messages: new Repeats<Refused>(clock, (last, count) => report({ ...last, count })),
  }
  /** What has no line of its own. */
  const refused = (host: Host, what: Refused['what'], failure: Failure): void => {
    if (failure.kind !== 'reply') return
    const { domain } = options
    const { address: remote, port } = host
    const reply = replyLine(failure.reply)
    refusals[what].note({ kind: 'refused', what, domain, remote, port, reply })
  }
  const mayConnect = options.route ? () => true : options.mayConnect
  return async (signal, greeted = () => {}) => {
    const found = await unlessAborted(
      Promise.all([resolveHosts(options), policyOf(options)]),
      signal,
    )
    if (found === undefined) return { kind: 'failed', dcid: 0, failure: GIVEN_UP }
    const [resolved, sts] = found
    if (resolved.kind === 'failed') {
      const { failure } = resolved
      const { domain, result, text } = failure
      const why = result === 'private' ? { why: text } : {}
      report({ kind: 'dns-error', domain, result: DNS_RESULT_NAMES[result], ...why })
      return { kind: 'failed', dcid: 0, failure }
    }
    const hosts = reachable(resolved.hosts, options.localAddress)
    const rules = new HostRules(tls, sts)
    const attemptOptions = { ...options, mayConnect, windows }
    const end = clock.monotonic() + OPENING_TIME
    const attempt = async (host: Host, left: number): Promise<Opened> => {
      const isFailing = addresses.isFailing(host)
      addresses.begun(host)
      const own = await unlessAborted(rulesOf(host, rules, options), signal)
      const refusal = own ? own.refusal(host.name) : GIVEN_UP
      if (!own || refusal) {
        addresses.givenUp(host)
        return refuse(host, refusal ?? GIVEN_UP, report)
      }
      const share = (end - clock.monotonic()) / left
      const patience = isFailing ? PROBE : Math.max(share, SHORTEST_CONNECT)
      const connect = Math.min(timeouts.connect, patience)
      const began = clock.monotonic()
      const greeting = Math.min(timeouts.greeting, Math.max(end - began, LAST_GREETING))
      const told = (result: SendResult): void => {
        const { outcome, fault } = result
        if (outcome.kind === 'failed' && fault !== 'copy')
          refused(host, 'messages', outcome.failure)
        const verdict = saysOf(result)
        if (verdict) addresses[verdict](host, began)
      }
      const mine = {
        ...attemptOptions,
        addresses: hosts.length,
        told,
        greeted,
        rules: own,
        secure: securer(own.demands),
        timeouts: { ...timeouts, connect, greeting },
      }
      const opened = await new Attempt(options.nextDcid(), host, mine, signal).run()
      // What stands may still refuse every message: it is reached when it takes one.
      if (opened.kind === 'open') opened.session.onClose(() => addresses.givenUp(host))
      // The pool gives up what takes too long; it was this address if that had time enough.
      else if (signal.aborted && clock.monotonic() - began < SHORTEST_CONNECT)
        addresses.givenUp(host)
      else addresses.failed(host, began)
      if (opened.kind === 'failed') refused(host, 'connections', opened.failure)
      return opened
    }
    return tryHosts(hosts, (left) => addresses.choose(left), attempt, signal)
  }
}

/**
 * Milliseconds for all addresses together, shared by those that are left, so that the last one is
 * reached before the pool's own limit for an opening (60 s) ends it.
 */
const OPENING_TIME = 50_000
const SHORTEST_CONNECT = 2_000

/** Milliseconds for a greeting when that time is over, within the pool's limit. */
const LAST_GREETING = 8_000

/**
 * Milliseconds for connecting to an address that failed the last time: it is asked at 0, 1 and 3 s
 * (RFC 6298 section 5), and with the next opening 5 s after this one a silent intake that is back
 * is found in time.
 */
const PROBE = 4_000

/** Where the connections of an intake domain go. */
export async function resolveHosts(options: ConnectOptions): Promise<Resolved> {
  const { domain, route, lookup, mayConnect } = options
  if (route) return resolveRoute(route, lookup)
  return permitted(domain, await resolveMx(domain, options), mayConnect)
}

/** The hosts of a route are the administrator's own, whatever the domain says of its MX hosts. */
export async function policyOf(options: ConnectOptions): Promise<StsPolicy | undefined> {
  const { domain, route, tls, stsPolicyOf } = options
  return tls.mtaSts && !route ? stsPolicyOf(domain) : undefined
}

/** What the end of a message says of the address: one that refuses is none to prefer, however fast it is. */
function saysOf({ outcome, fault }: SendResult): 'reached' | 'failed' | undefined {
  if (outcome.kind === 'delivered') return 'reached'
  if (outcome.kind === 'aborted' || fault === 'connection') return undefined
  if (fault !== 'copy') return 'failed'
  return outcome.failure.kind === 'reply' ? 'reached' : undefined
}

/** The rules for one host; a route's is the administrator's own, whatever the DNS says of it. */
export async function rulesOf(
  host: Host,
  rules: HostRules,
  { domain, route, dane }: Pick<ConnectOptions, 'domain' | 'route' | 'dane'>,
): Promise<HostRules> {
  return dane && !route ? rules.with(await dane(domain, host)) : rules
}

/** No connection is made to a host of the wrong name, nor to one of which DANE cannot be known. */
function refuse({ name, address, port }: Host, failure: Failure, report: Report): Opened {
  if (failure.kind === 'dns') {
    const { domain, result } = failure
    const why = `the host ${name} is not used`
    report({ kind: 'dns-error', domain, question: 'TLSA', result: DNS_RESULT_NAMES[result], why })
  }
  if (failure.kind === 'tls') {
    reportFailure(report, { dcid: 0, host: name, remote: address, port, local: '' }, failure)
  }
  return { kind: 'failed', dcid: 0, failure }
}

/** From a local IPv4 address no IPv6 address can be reached, nor the other way round. */
export function reachable(hosts: readonly Host[], local: string | undefined): readonly Host[] {
  if (local === undefined) return hosts
  return hosts.filter(({ address }) => isIP(address) === isIP(local))
}

/** One host after the other, until a session stands (RFC 5321 section 5.1). */
async function tryHosts(
  hosts: readonly Host[],
  choose: (left: readonly Host[]) => Host | undefined,
  attempt: (host: Host, left: number) => Promise<Opened>,
  signal: AbortSignal,
): Promise<Opened> {
  let failed: Extract<Opened, { kind: 'failed' }> | undefined
  let left = hosts
  for (let host = choose(left); host; host = choose(left)) {
    const opened = await attempt(host, left.length)
    left = left.filter((other) => other !== host)
    if (opened.kind === 'open' || signal.aborted) return opened
    // What a retry could heal is worth more than what it could not: it keeps the copy alive.
    if (!failed || retriesOf(opened.failure) >= retriesOf(failed.failure)) failed = opened
  }
  return failed ?? { kind: 'failed', dcid: 0, failure: NO_ADDRESS }
}

const NO_ADDRESS: Failure = {
  kind: 'network',
  details: 'unreachable',
  reason: 'no address of the family of the local address',
}

/** A DNS question cannot be taken back; its answer is just no longer waited for. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return Promise.resolve(undefined)
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(undefined)
    signal.addEventListener('abort', onAbort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
