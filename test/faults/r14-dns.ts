import { Resolver } from 'node:dns/promises'
import { systemClock } from '../../plugins/tdc/clock'
import { dnsQuestions } from '../../plugins/tdc/route/dns-questions'
import { cachedLookup } from '../../plugins/tdc/route/mx-lookup'
import { isPublic } from '../../plugins/tdc/route/public-address'
import { FakeDns, type FakeZone, NULL_MX } from '../support/fake-dns'
import { INTAKE, IntakeLink } from '../support/intake-link'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { DeliveryLine, type Ended } from './delivery-line'

const DOMAIN = 'scan.example'
/** The name in the intake's certificate, known to this DNS. */
const HOST = INTAKE

/** Milliseconds and times that a question is asked: a silent server is given up soon. */
const QUESTION = { timeout: 1_000, tries: 1 }
/** Longer than an answer of failure is kept. */
const RETRY_DELAY = 1_200

interface Row {
  readonly name: string
  readonly zone: FakeZone
  readonly end: Ended['kind']
  readonly attempts: 1 | 2
  /** Special-purpose addresses are refused, as they are by default. Default: they are not. */
  readonly publicOnly?: boolean
}

const once = { end: 'hard-bounced', attempts: 1 } as const
const twice = { end: 'hard-bounced', attempts: 2 } as const
const delivered = { end: 'delivered', attempts: 1 } as const

const here = { a: ['127.0.0.1'] }
const mx = (...hosts: string[]) => ({ mx: hosts.map((host, at) => [at, host] as const) })

/** Addresses that no intake on the internet has (the registries of RFC 6890). */
const SPECIAL = ['0.0.0.0', '10.1.2.3', '127.0.0.1', '127.8.8.8', '169.254.169.254', '192.168.0.1']
const SPECIAL_6 = ['::1', '::', '::ffff:7f00:1', 'fe80::1', 'fd00::1', '64:ff9b::7f00:1']

const ROWS: readonly Row[] = [
  { name: 'an MX', zone: { [DOMAIN]: mx(HOST), [HOST]: here }, ...delivered },
  { name: 'NXDOMAIN', zone: { [DOMAIN]: 'NXDOMAIN' }, ...once },
  { name: 'null MX', zone: { [DOMAIN]: NULL_MX }, ...once },
  { name: 'no records', zone: { [DOMAIN]: {} }, ...once },
  { name: 'SERVFAIL', zone: { [DOMAIN]: 'SERVFAIL' }, ...twice },
  { name: 'REFUSED', zone: { [DOMAIN]: 'REFUSED' }, ...twice },
  { name: 'silence', zone: { [DOMAIN]: 'SILENT' }, ...twice },
  { name: 'an MX without an address', zone: { [DOMAIN]: mx(HOST), [HOST]: {} }, ...once },
  { name: 'SERVFAIL for the MX host', zone: { [DOMAIN]: mx(HOST), [HOST]: 'SERVFAIL' }, ...twice },
  { name: 'silence for the MX host', zone: { [DOMAIN]: mx(HOST), [HOST]: 'SILENT' }, ...twice },
  {
    name: 'one MX host of two is unknown',
    zone: { [DOMAIN]: mx('gone.example', HOST), 'gone.example': 'NXDOMAIN', [HOST]: here },
    ...delivered,
  },
  { name: 'an address in place of a name', zone: { [DOMAIN]: mx('127.0.0.1') }, ...twice },
  {
    name: 'a hundred MX hosts',
    zone: {
      [DOMAIN]: mx(HOST, ...Array.from({ length: 99 }, (_, at) => `mx${at}.example`)),
      [HOST]: here,
    },
    ...delivered,
  },
  ...SPECIAL.map((address): Row => privateRow(address, { a: [address] })),
  ...SPECIAL_6.map((address): Row => privateRow(address, { aaaa: [address] })),
]

function privateRow(address: string, records: FakeZone[string]): Row {
  const zone = { [DOMAIN]: mx(HOST), [HOST]: records } as FakeZone
  return { name: `MX at ${address}`, zone, ...twice, publicOnly: true }
}

export const dnsFaults: FaultCase = {
  name: 'R14',
  title: 'the DNS fails, lies or leads to addresses that are not public',
  async run({ long }: FaultContext): Promise<FaultResult> {
    const rounds = long ? 50 : 1
    const violations: string[] = []
    for (let round = 0; round < rounds; round++) {
      // All of them before the first question: to make their certificates takes longer than one may.
      const lines = await Promise.all(ROWS.map(lineOf))
      const tries = ROWS.map((row, at) => tried(row, lines[at] as DnsLine))
      const found = await Promise.all([...tries, rebound()])
      violations.push(...found.flat())
    }
    return { n: rounds * (ROWS.length + 1), violations, figures: { rows: ROWS.length + 1 } }
  },
}

/** A delivery that asks a DNS of its own. */
class DnsLine {
  private constructor(
    readonly dns: FakeDns,
    readonly link: IntakeLink,
    readonly line: DeliveryLine,
  ) {}

  static async start(zone: FakeZone, mayConnect: (address: string) => boolean): Promise<DnsLine> {
    const dns = await FakeDns.start(zone)
    const resolver = new Resolver(QUESTION)
    resolver.setServers([dns.address])
    const getMx = (domain: string) => resolver.resolveMx(domain)
    const lookup = cachedLookup(dnsQuestions(getMx, resolver), systemClock)
    const link = await IntakeLink.start({}, (port) => ({
      clock: systemClock,
      domain: DOMAIN,
      route: undefined,
      port,
      lookup,
      mayConnect,
    }))
    const line = new DeliveryLine(link.options, {
      maxAge: 20_000,
      retryDelay: RETRY_DELAY,
      minConnections: 1,
      maxConnections: 1,
    })
    return new DnsLine(dns, link, line)
  }

  deliver(mid: string): Promise<Ended> {
    return this.line.deliver(mid, Buffer.from('Subject: copy\r\n\r\n'))
  }

  async close(): Promise<void> {
    this.line.close()
    await this.link.close()
    await this.dns.close()
  }
}

function lineOf({ zone, publicOnly }: Row): Promise<DnsLine> {
  return DnsLine.start(zone, publicOnly ? isPublic : () => true)
}

async function tried({ name, end, attempts }: Row, line: DnsLine): Promise<string[]> {
  try {
    const ended = await line.deliver('m1')
    const is = `${ended.kind} after ${ended.attempts} attempts`
    const should = `${end} after ${attempts} attempts`
    const found = is === should ? [] : [`${name}: ${is}, should be ${should}`]
    const connections = line.link.server.connections.length
    if (end !== 'delivered' && connections > 0) found.push(`${name}: ${connections} connections`)
    return found
  } finally {
    await line.close()
  }
}

/** Good at first, then the name leads to the gateway's own network: the next connection is refused. */
async function rebound(): Promise<string[]> {
  const good = new Set(['127.0.0.1'])
  const mayConnect = (address: string) => good.has(address) || isPublic(address)
  const line = await DnsLine.start({ [DOMAIN]: mx(HOST), [HOST]: here }, mayConnect)
  try {
    const before = await line.deliver('m1')
    good.clear()
    line.link.server.connections.forEach(({ wire }) => wire.destroy())
    line.dns.zone = { [DOMAIN]: mx(HOST), [HOST]: { a: ['127.0.0.1'], aaaa: ['::1'] } }
    const after = await line.deliver('m2')
    const ends = `${before.kind}, ${after.kind}`
    const { length } = line.link.server.connections
    const found = length === 1 ? [] : [`rebinding: ${length} connections`]
    return ends === 'delivered, hard-bounced' ? found : [...found, `rebinding: ${ends}`]
  } finally {
    await line.close()
  }
}
