import { setTimeout as sleep } from 'node:timers/promises'
import { comesTrue } from '../support/comes-true'
import { MailPath } from '../support/mail-path'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun } from './mail-run'
import { openFiles } from './process-state'

/** Milliseconds of load before a kill. */
const SHORTEST_LIFE = 50
const LONGEST_LIFE = 1_500

/** Octets of a mail: most are small. */
const SIZES = [4_000, 4_000, 4_000, 4_000, 20_000, 20_000, 100_000, 1_000_000]
const CLIENTS = 20
/** Milliseconds that a client rests between two mails, at most. */
const REST = 200

/** Kills of one gateway at most, then what it did is judged and forgotten. */
const BATCH = 20

/** Milliseconds in which everything is delivered after the last start. */
const DRAINED = 10_000

export const kill: FaultCase = {
  name: 'R1',
  title: 'kill -9 at a random time under load',
  async run(context: FaultContext): Promise<FaultResult> {
    const cycles = context.long ? 1_000 : 8
    const violations: string[] = []
    const figures = { mails: 0, told: 0, copies: 0, duplicates: 0, slowestDrain: 0 }
    for (let done = 0; done < cycles; done += BATCH) {
      const batch = await killed(context, done / BATCH, Math.min(BATCH, cycles - done))
      violations.push(...batch.violations)
      figures.mails += batch.mails
      figures.told += batch.told
      figures.copies += batch.copies
      figures.duplicates += batch.duplicates
      figures.slowestDrain = Math.max(figures.slowestDrain, batch.drain)
    }
    context.note(JSON.stringify(figures))
    return { n: cycles, violations, figures }
  },
}

interface Batch {
  readonly violations: readonly string[]
  readonly mails: number
  readonly told: number
  readonly copies: number
  readonly duplicates: number
  /** Milliseconds from the last start until the queue was empty. */
  readonly drain: number
}

async function killed({ dice }: FaultContext, number: number, kills: number): Promise<Batch> {
  const path = await MailPath.start({ beforeTdc: ['tdc_inspect'], delivery: ['retry_delay=1'] })
  const run = new MailRun(path, `R1 ${number}`, dice, 5_000)
  const { haraka } = path
  try {
    await run.send()
    await path.settled()
    const base = openFiles(haraka.pid).length
    let loading = true
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (loading) {
        const { told } = await run.send(dice.pick(SIZES))
        await sleep(told === 'nothing' ? REST : dice.below(REST))
      }
    })
    for (let cycle = 0; cycle < kills; cycle++) {
      await sleep(SHORTEST_LIFE + dice.below(LONGEST_LIFE - SHORTEST_LIFE))
      await haraka.kill9()
      if (cycle === kills - 1) loading = false
      await haraka.start()
    }
    const started = performance.now()
    await Promise.all(clients)

    const violations: string[] = []
    const all = () => haraka.queueFiles().length === 0
    if (!(await comesTrue(all, DRAINED))) {
      violations.push(`I5 left in the queue: ${haraka.queueFiles().join(' ')}`)
    }
    const drain = Math.round(performance.now() - started)
    if (!(await run.allCopied(DRAINED))) violations.push('I5 not all copied in 10 s')
    await path.settled()
    const idle = () => openFiles(haraka.pid).length <= base
    if (!(await comesTrue(idle, DRAINED))) {
      violations.push(`I5 ${openFiles(haraka.pid).length} open files, ${base} before the load`)
    }
    violations.push(...(await run.violations()))
    return {
      violations,
      mails: run.mails.length,
      told: run.mails.filter(({ told }) => told === 'accepted').length,
      copies: path.intake.copies.size,
      duplicates: run.lives.duplicates,
      drain,
    }
  } finally {
    await path.close()
  }
}
