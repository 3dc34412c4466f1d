import { setTimeout as sleep } from 'node:timers/promises'
import { comesTrue } from '../support/comes-true'
import { FakeClock } from '../support/fake-clock'
import { FakeSessions, REFUSED } from '../support/fake-sessions'
import { Gate } from '../support/gate'
import type { HarakaOptions } from '../support/haraka'
import { mailAbout, MailPath } from '../support/mail-path'
import { alteredBuild } from './altered-build'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { DeliveryLine, type Ended } from './delivery-line'
import { MailRun } from './mail-run'

/** The outage: milliseconds, and copies per second meanwhile. */
const OUTAGE = 600_000
const RATE = 50
const MAX_AGE = 120_000
const STEP = 100
/** The promise after the outage: milliseconds until the first delivery. */
const BACK = 5_000
/** The pause between two attempts to connect is 4 s, a quarter less at least. */
const SHORTEST_PAUSE = 3_000
const FIRST_ATTEMPTS = 8

export const outage: FaultCase = {
  name: 'R11',
  title: 'the intake is down for ten minutes at 50 mails a second',
  async run(context: FaultContext): Promise<FaultResult> {
    const rounds = context.long ? 10 : 1
    const violations: string[] = []
    let figures: Readonly<Record<string, number>> = {}
    for (let round = 0; round < rounds; round++) {
      const found = await tenMinutes(context)
      violations.push(...found.violations)
      figures = found.figures
    }
    violations.push(...(await regularMail(context)))
    context.note(JSON.stringify(figures))
    return { n: rounds * (OUTAGE / 1000) * RATE, violations, figures }
  },
}

/** A slot of core's outbound that a copy keeps is one that other mail does not get. */
export const heldSlotsControl: FaultCase = {
  name: 'R11-control',
  title: 'a build that keeps the delivery slots of core is caught',
  async run(context: FaultContext): Promise<FaultResult> {
    const build = alteredBuild(['tdc/haraka/loaded-item.ts', '\n  releaseSlot()', ''])
    const violations = await regularMail(context, build)
    const caught = violations.some((what) => what.startsWith('I6 a regular mail waits'))
    return { n: 1, violations: caught ? [] : ['it was not caught', ...violations] }
  },
}

/** The product's scheduler and pool, on a clock that is moved; nobody answers at the intake. */
async function tenMinutes({ dice }: FaultContext) {
  const clock = new FakeClock()
  const sessions = new FakeSessions()
  const random = () => dice.next()
  const options = { maxAge: MAX_AGE, retryDelay: 30_000, minConnections: 3, maxConnections: 50 }
  const line = new DeliveryLine({ clock, random, open: sessions.open }, options)
  const ends = new Map<string, Ended[]>()
  let [sent, most, down, firstBack] = [0, 0, true, Infinity]
  const pass = async (milliseconds: number) => {
    for (let passed = 0; passed < milliseconds; passed += STEP) {
      for (let copy = 0; copy < (RATE * STEP) / 1000; copy++) {
        const mid = `m${(sent += 1)}`
        void line.deliver(mid, CONTENT).then((ended) => {
          ends.set(mid, [...(ends.get(mid) ?? []), ended])
          if (ended.kind === 'delivered') firstBack = Math.min(firstBack, clock.monotonic())
        })
      }
      if (down) for (const attempt of sessions.opening) attempt.fail(REFUSED)
      else {
        sessions.acceptAll()
        for (const flight of sessions.flights) flight.deliver()
      }
      await clock.advance(STEP)
      most = Math.max(most, line.waitingCopies)
    }
  }
  await pass(OUTAGE)
  const attempts = sessions.attempts.length
  down = false
  const back = clock.monotonic()
  await pass(2 * BACK)

  const all = [...ends.values()].flat()
  const violations: string[] = []
  const mostWaiting = (MAX_AGE / 1000) * RATE
  if (most > mostWaiting) violations.push(`${most} copies waited, ${mostWaiting} may`)
  const old = all.filter(({ age }) => age > MAX_AGE + STEP).length
  if (old > 0) violations.push(`${old} copies were older than their time`)
  const mostAttempts = OUTAGE / SHORTEST_PAUSE + FIRST_ATTEMPTS
  if (attempts > mostAttempts) violations.push(`${attempts} connections, ${mostAttempts} may be`)
  if (firstBack - back > BACK) violations.push(`the first delivery took ${firstBack - back} ms`)
  violations.push(...toldOnce(line))
  const given = all.filter(({ kind }) => kind !== 'delivered').length
  return { violations, figures: { copies: sent, given, most, attempts, back: firstBack - back } }
}

const CONTENT = Buffer.from('Subject: copy\r\n\r\n')

/** Each copy that was given up has one line of its end, no more. */
function toldOnce({ events }: DeliveryLine): string[] {
  const told = new Map<string, number>()
  for (const event of events) {
    if (event.kind !== 'hard-bounced' && event.kind !== 'expired') continue
    told.set(event.mid, (told.get(event.mid) ?? 0) + 1)
  }
  const twice = [...told.values()].filter((count) => count > 1).length
  return twice > 0 ? [`${twice} copies ended more than once`] : []
}

/** Deliveries at a time that core's outbound makes. */
const SLOTS = 5
/** Milliseconds in which a regular mail goes out while nothing of ours is in its way. */
const PATIENCE = 10_000

/** Copies that cannot be delivered are found at the start; other mail goes out as ever. */
async function regularMail(
  { long, dice }: FaultContext,
  install?: HarakaOptions['install'],
): Promise<string[]> {
  const path = await MailPath.start({
    afterTdc: ['queue_whims'],
    config: { 'outbound.ini': `concurrency_max=${SLOTS}\n` },
    ...(install && { install }),
  })
  const gate = new Gate()
  try {
    path.onCopy = () => gate.wait().then(() => undefined)
    const run = new MailRun(path, 'R11', dice)
    const copies = long ? 1_000 : 40
    await run.sendMany(copies, 1_000)
    await path.haraka.kill9()
    await path.haraka.start()
    const found = / found in the queue for the message intake address /
    const taken = () => path.haraka.log.filter((line) => found.test(line)).length
    await comesTrue(() => taken() >= Math.min(copies, SLOTS), PATIENCE)
    const violations: string[] = []
    for (let mail = 0; mail < 5; mail++) {
      const subject = `regular ${mail}`
      await path.send(mailAbout(subject, { to: ['relayed@example.com'] }))
      const out = () => path.originalsOf(subject).length === 1
      if (!(await comesTrue(out, PATIENCE))) {
        return [`I6 a regular mail waits behind ${taken()} copies for more than ${PATIENCE} ms`]
      }
    }
    if (taken() !== copies) violations.push(`${taken()} of ${copies} copies were found`)
    gate.open()
    path.onCopy = () => Promise.resolve(undefined)
    if (!(await run.allCopied(30_000))) violations.push('not all copied in 30 s')
    await sleep(100)
    return [...violations, ...(await run.violations())]
  } finally {
    gate.open()
    await path.close()
  }
}
