import { setTimeout as sleep } from 'node:timers/promises'
import { comesTrue } from '../support/comes-true'
import type { Dice } from '../support/dice'
import { type Copy } from '../support/intake'
import { MailPath } from '../support/mail-path'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun, subjectOf } from './mail-run'
import { openFiles } from './process-state'
import { slope } from './slope'

const SECOND = 1_000
const HOUR = 3_600 * SECOND

/** How long the load goes on, and after how much of it everything is judged and forgotten. */
const SHORT = { lasts: 12 * SECOND, leg: 4 * SECOND }
const LONG = { lasts: HOUR, leg: 60 * SECOND }

const CLIENTS = 8
/** Milliseconds that a client rests between two mails, at most: some 25 mails a second. */
const REST = 600
const SIZES = [500, 4_000, 4_000, 4_000, 20_000, 100_000, 300_000]

/** One of so many mails meets each of the faults. */
const RARE = 100
/** Milliseconds: how long a slow intake thinks, and within which a client hangs up. */
const SLOW = 3_000
const STAY = 300

const DRAINED = 15 * SECOND

/** The first part is warming up; growth is judged over the rest. */
const WARM = 0.2
const MOST_GROWTH_PER_HOUR = 1_048_576
/** With fewer samples a slope says nothing. */
const SAMPLES = 20

/** `HEAP`: what is in use after a full collection. */
const HEAP = `
require('node:v8').setFlagsFromString('--expose-gc')
const gc = require('node:vm').runInNewContext('gc')
exports.hook_unrecognized_command = function (next, connection, [command]) {
  if (command !== 'HEAP') return next()
  gc()
  connection.respond(211, String(process.memoryUsage().heapUsed), () => next(OK))
}
`

interface Sample {
  readonly at: number
  readonly heap: number
  readonly files: number
}

export const soak: FaultCase = {
  name: 'R19',
  title: 'mixed load for a long time, one mail of a hundred meeting each fault',
  async run({ long, dice, note }: FaultContext): Promise<FaultResult> {
    const { lasts, leg } = long ? LONG : SHORT
    const path = await MailPath.start({
      beforeTdc: ['tdc_inspect', 'heap'],
      delivery: ['retry_delay=1'],
      sources: { heap: HEAP },
      // The log of an hour would fill the memory of this process.
      config: { 'log.ini': '[main]\nlevel=notice\nformat=default\n' },
    })
    const faults = new RareFaults(path, dice)
    const violations: string[] = []
    const samples: Sample[] = []
    let mails = 0
    try {
      const began = performance.now()
      for (let number = 0; performance.now() - began < lasts; number++) {
        const run = new MailRun(path, `R19 ${number}`, dice)
        await load(run, dice, leg)
        mails += run.mails.length
        if (!(await comesTrue(() => path.haraka.queueFiles().length === 0, DRAINED))) {
          violations.push(`I5 left in the queue: ${path.haraka.queueFiles().join(' ')}`)
        }
        await path.settled()
        violations.push(...(await run.violations()))
        path.mailbox.messages.clear()
        path.intake.copies.clear()
        const at = performance.now() - began
        const heap = Number(await path.ask('HEAP'))
        samples.push({ at, heap, files: openFiles(path.haraka.pid).length })
      }
      const grown = growth(samples)
      violations.push(...grown.violations)
      const figures = { mails, ...faults.met, ...grown.figures }
      note(JSON.stringify(figures))
      return { n: mails, violations, figures }
    } finally {
      await path.close()
    }
  },
}

async function load(run: MailRun, dice: Dice, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds
  const client = async () => {
    while (performance.now() < end) {
      if (dice.below(RARE) === 0) await run.sendAndLeave(dice.pick(SIZES), dice.below(STAY))
      else await run.send(dice.pick(SIZES))
      await sleep(dice.below(REST))
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
}

/** Each fault strikes a copy once at most, so that its retry may succeed. */
class RareFaults {
  readonly met = { later: 0, closing: 0, slow: 0, refusedOriginals: 0 }
  private readonly struck = new Set<string>()

  constructor(
    path: MailPath,
    private readonly dice: Dice,
  ) {
    path.onCopy = (copy) => this.verdict(copy)
    path.onOriginal = () => {
      if (dice.below(RARE) > 0) return { do: 'accept' }
      this.met.refusedOriginals++
      return { do: 'answer', reply: '450 4.2.1 Mailbox busy' }
    }
  }

  private async verdict({ raw }: Copy): Promise<string | undefined> {
    const subject = subjectOf(raw)
    const drawn = this.struck.has(subject) ? RARE : this.dice.below(RARE)
    if (drawn > 2) return undefined
    this.struck.add(subject)
    if (drawn === 0) {
      this.met.slow++
      await sleep(SLOW)
      return undefined
    }
    if (drawn === 1) this.met.later++
    else this.met.closing++
    return drawn === 1 ? '451 4.3.0 Later' : '421 4.3.2 Closing'
  }
}

/** What grows for ever: heap after a collection, and descriptors. */
function growth(all: readonly Sample[]): Pick<FaultResult, 'figures'> & { violations: string[] } {
  const samples = all.slice(Math.floor(all.length * WARM))
  if (samples.length < SAMPLES) return { violations: [], figures: {} }
  const perHour = (of: (sample: Sample) => number) =>
    slope(samples.map((sample) => [sample.at / HOUR, of(sample)]))
  const heap = Math.round(perHour(({ heap }) => heap))
  const files = Math.round(perHour(({ files }) => files) * 100) / 100
  const violations: string[] = []
  if (heap > MOST_GROWTH_PER_HOUR) violations.push(`the heap grows by ${heap} octets an hour`)
  if (files >= 1) violations.push(`${files} more descriptors an hour`)
  return {
    violations,
    figures: { samples: samples.length, heapPerHour: heap, filesPerHour: files },
  }
}
