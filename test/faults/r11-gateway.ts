import { setTimeout as sleep } from 'node:timers/promises'
import { MX_TRAFFIC } from '../bench/courier'
import { percentile } from '../bench/figure'
import { Lab } from '../bench/lab'
import { comesTrue } from '../support/comes-true'
import type { HarakaServer } from '../support/haraka'
import type { LineProxy } from '../support/line-proxy'
import { mailAbout } from '../support/mail-path'
import { sendMail } from '../support/smtp-client'
import type { FaultCase, FaultContext } from './case'
import { memoryOf } from './process-state'

/** Mails each second that come in, and milliseconds between two that go out. */
const RATE = 50
const OUTGOING = 200
const CONNECTIONS = 13
/** Milliseconds that a connection takes, beside its pause: most of it are delayed acknowledgements. */
const TRIP = 55

/** Seconds before, during and after the outage. */
const SHORT = { before: 3, outage: 8, after: 4, delivery: ['retry_delay=2'] }
const LONG = { before: 300, outage: 600, after: 60, delivery: [] }

/** Milliseconds from the intake's return to the first delivery. */
const BACK = 5_000
/** Octets by which the gateway may have grown at the end of the outage. */
const GROWTH = 150 * 2 ** 20
/** How much longer than before regular mail may take, where it is counted long enough to know. */
const SLOWER = 1.1
const DRAIN = 60_000

/** Recipients that a gateway relays for, so that core's outbound has mail that is not ours. */
const OUTGOING_MAIL = `
exports.register = function () {
  this.register_hook('rcpt', 'relay', -10)
  this.register_hook('get_mx', 'next_hop')
}
exports.relay = function (next, connection, [recipient]) {
  if (recipient.host === 'elsewhere.example') connection.relaying = true
  next()
}
exports.next_hop = function (next, item, domain) {
  if (domain !== 'elsewhere.example') return next()
  const { host, port } = this.config.get('smtp_forward.ini').main
  next(OK, { exchange: host, port })
}
`

export const outageOfGateway: FaultCase = {
  name: 'R11-gateway',
  title: 'the intake is down while 50 mails a second come, by the clock on the wall',
  run: (context) => Lab.behindLine((lab, line) => outage(lab, line, context)),
}

async function outage(lab: Lab, line: LineProxy, { long, note }: FaultContext) {
  const { before, outage, after, delivery } = long ? LONG : SHORT
  const options = {
    sections: {
      main: ['relayed_domains=elsewhere.example'],
      delivery: [`port=${line.port}`, ...delivery],
    },
    localPlugins: { outgoing_mail: OUTGOING_MAIL },
  }
  const gateways = [
    new Watched(await lab.gateway({ tdc: true, ...options }), lab),
    new Watched(await lab.gateway({ tdc: false, ...options }), lab),
  ] as const
  const [ours] = gateways
  const all = (seconds: number) => Promise.all(gateways.map((each) => each.load(seconds)))

  await all(SHORT.before)
  const [usual, usualBare] = await all(before)
  await comesTrue(() => ours.server.queueFiles().length === 0, DRAIN)
  const base = memoryOf(ours.server.pid).now
  line.refuse()
  const [down, downBare] = await all(outage)
  const growth = memoryOf(ours.server.pid).now - base
  const waiting = ours.server.queueFiles().length
  const taken = await lab.intake.count()
  await line.listen()
  const back = performance.now()
  const first = lab.intake.until(taken + 1).then(() => performance.now() - back)
  await all(after)
  const empty = await comesTrue(() => ours.server.queueFiles().length === 0, DRAIN)

  const { delivered, given, ...ends } = endsIn(ours.server.lines.entries)
  const violations: string[] = []
  const must = (holds: boolean, what: string) => holds || violations.push(what)
  must((await first) <= BACK, `the first delivery took ${await first} ms`)
  must(growth <= GROWTH, `${mb(growth)} MB more than before the outage`)
  must(empty, `left in the queue: ${ours.server.queueFiles().length}`)
  must(ends.never === 0, `${ends.never} copies have no line of their end`)
  must(ends.twice === 0, `${ends.twice} copies ended more than once`)
  must(delivered + given === ours.sent, `${ours.sent} sent, ${delivered + given} ended`)
  must((await lab.intake.count()) === delivered, `not ${delivered} copies at the intake`)
  must(given > 0, 'no copy was given up: the outage was too short to tell anything')
  const figures: Record<string, number> = {
    ...{ mails: ours.sent, delivered, given, waiting, growthMB: mb(growth) },
    ...{ rate: Math.round(down!.rate), firstBack: Math.round(await first) },
  }
  for (const what of ['wait', 'out'] as const) {
    for (const part of [0.5, 0.99]) {
      const ratio = percentile(down![what], part) / percentile(usual![what], part)
      const bare = percentile(downBare![what], part) / percentile(usualBare![what], part)
      figures[`${what}${part * 100}`] = round(ratio)
      figures[`${what}${part * 100}bare`] = round(bare)
      const same = ratio <= SLOWER * Math.max(1, bare)
      if (long)
        must(same, `${what} p${part * 100}: ${round(ratio)} times as long, ${round(bare)} bare`)
    }
  }
  note(JSON.stringify(figures))
  return { n: ours.sent, violations, figures }
}

/** Milliseconds: of clients for their 250, and of outgoing mail until the next hop had it. */
interface Times {
  readonly wait: readonly number[]
  readonly out: readonly number[]
  /** Mails that came in each second. */
  readonly rate: number
}

/** A gateway under a load that does not change. */
class Watched {
  sent = 0

  constructor(
    readonly server: HarakaServer,
    private readonly lab: Lab,
  ) {}

  async load(seconds: number): Promise<Times> {
    const from = this.server.lines.size
    let loading = true
    const outgoing = (async () => {
      for (; loading; await sleep(OUTGOING)) {
        await sendMail(this.server, mailAbout('outgoing', { to: ['somebody@elsewhere.example'] }))
      }
    })()
    const messages = seconds * RATE
    this.sent += messages
    const pause = (CONNECTIONS / RATE) * 1000 - TRIP
    const load = { ...MX_TRAFFIC, connections: CONNECTIONS, pause, messages }
    const { waits, seconds: took } = await this.lab.bring({ ...load, port: this.server.port })
    loading = false
    await outgoing
    const out = delaysIn(this.server.lines.entries.slice(from))
    return { wait: waits, out, rate: messages / took }
  }
}

/** What core's outbound says of mail that is not ours, in milliseconds. */
function delaysIn(lines: readonly string[]): number[] {
  return lines.flatMap((line) => {
    const [, seconds] = /domain="?elsewhere\.example.* delay="?([\d.]+)/.exec(line) ?? []
    return seconds === undefined ? [] : [Number(seconds) * 1000]
  })
}

/** How the log says that copies ended: one line for each, or it is a violation. */
function endsIn(lines: readonly string[]) {
  const ends = new Map<string, number>()
  let [delivered, given] = [0, 0]
  for (const line of lines) {
    const [, mid = '', what] =
      /TDC: MID (\S+) (with Message-ID|successfully delivered|delivery failed)/.exec(line) ?? []
    if (what === undefined) continue
    ends.set(mid, (ends.get(mid) ?? 0) + (what === 'with Message-ID' ? 0 : 1))
    if (what === 'successfully delivered') delivered++
    if (what === 'delivery failed') given++
  }
  const counts = [...ends.values()]
  const never = counts.filter((count) => count === 0).length
  const twice = counts.filter((count) => count > 1).length
  return { delivered, given, never, twice }
}

const mb = (octets: number) => Math.round(octets / 2 ** 20)
const round = (ratio: number) => Math.round(ratio * 100) / 100
