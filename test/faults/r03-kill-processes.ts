import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { comesTrue } from '../support/comes-true'
import type { HarakaServer } from '../support/haraka'
import { MailPath } from '../support/mail-path'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun } from './mail-run'

const VICTIMS = ['worker', 'master', 'all', 'worker', 'two workers'] as const

/** Octets: written at once, and long enough that another worker's start falls into the writing. */
const SIZES = [1_000, 300_000]
const CLIENTS = 12

/** Milliseconds of load before each kill, at most: four workers need longer until all have started. */
const SHORT = { nodes: 2, cycles: 10, life: 600 }
const LONG = { nodes: 4, cycles: 300, life: 2_000 }

export const killProcesses: FaultCase = {
  name: 'R3',
  title: 'worker, master or all of them killed under load',
  async run({ long, dice, note }: FaultContext): Promise<FaultResult> {
    const { nodes, cycles, life } = long ? LONG : SHORT
    const path = await MailPath.start({ nodes, delivery: ['retry_delay=1'] })
    // A connection that a dying master had accepted is never answered.
    const run = new MailRun(path, 'R3', dice, 1_000)
    try {
      let loading = true
      const clients = Array.from({ length: CLIENTS }, async () => {
        while (loading) {
          const { told } = await run.send(dice.pick(SIZES))
          if (told === 'nothing') await sleep(50)
        }
      })
      for (let cycle = 0; cycle < cycles; cycle++) {
        await sleep(100 + dice.below(life))
        await kill(path.haraka, VICTIMS[cycle % VICTIMS.length] ?? 'all')
        await run.lives.end()
        if (!path.haraka.running) await path.haraka.start()
      }
      loading = false
      await Promise.all(clients)
      // What a dead worker left when its successor had died too is found at the next start.
      await path.haraka.stop()
      await run.lives.end()
      await path.haraka.start()

      const violations: string[] = []
      if (!(await run.allCopied(20_000)))
        violations.push('not all copied 20 s after the last start')
      if (!(await comesTrue(() => path.haraka.queueFiles().length === 0, 20_000))) {
        violations.push(`left in the queue: ${path.haraka.queueFiles().join(' ')}`)
      }
      const lines = path.haraka.lines.entries
      violations.push(...lines.filter((line) => / not copied to the message intake /.test(line)))
      violations.push(...(await run.violations()))
      const figures = {
        ...{ nodes, mails: run.mails.length, copies: path.intake.copies.size },
        ...{ duplicates: run.lives.duplicates, ...countsOf(lines) },
      }
      note(JSON.stringify(figures))
      return { n: cycles, violations, figures }
    } finally {
      await path.close()
    }
  },
}

async function kill(haraka: HarakaServer, victim: (typeof VICTIMS)[number]): Promise<void> {
  if (victim === 'all') return haraka.kill9()
  if (victim === 'master') {
    haraka.signal('SIGKILL')
    await comesTrue(() => !haraka.running, 5_000)
    // Workers end by themselves when their master is gone; what is left of them ends here.
    return haraka.kill9()
  }
  const workers = childrenOf(haraka.pid)
  for (const pid of workers.slice(0, victim === 'worker' ? 1 : 2)) process.kill(pid, 'SIGKILL')
}

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
  return children.split(' ').filter(Boolean).map(Number)
}

function countsOf(lines: readonly string[]): Record<string, number> {
  const count = (wanted: RegExp) => lines.filter((line) => wanted.test(line)).length
  return {
    temporaryFilesRemoved: count(/Removing left over dot-file/),
    found: count(/ found in the queue for the message intake address /),
  }
}
