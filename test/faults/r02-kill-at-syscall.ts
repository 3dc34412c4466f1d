import { comesTrue } from '../support/comes-true'
import { WRITE_AHEAD } from '../support/gateway'
import { MailPath } from '../support/mail-path'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun, type SentMail } from './mail-run'
import { Strace } from './strace'

/** A mail that is written in one go, and one that is streamed. */
const SHORT = 2_000
const LONG = 600_000

interface Point {
  readonly call: string
  /** Which of these calls, counted from the moment when the gateway is idle. */
  readonly nth: number
}

/**
 * The calls for two copies, the short one first, and for their delivery. The gateway is killed when it
 * enters the call, so each point is also the one after the call before it.
 */
const POINTS: readonly Point[] =
  WRITE_AHEAD === 'log'
    ? [
        ...nth('pwritev', 1),
        ...nth('openat', 2),
        ...nth('pwrite64', 5),
        ...nth('fsync', 2),
        ...nth('rename', 1),
        ...nth('unlink', 1),
      ]
    : [
        ...nth('openat', 4),
        ...nth('pwrite64', 6),
        ...nth('fsync', 4),
        ...nth('rename', 2),
        ...nth('unlink', 2),
      ]

const ROUNDS = 20

export const killAtSyscall: FaultCase = {
  name: 'R2',
  title: 'killed at each system call of the way of a copy to the disk',
  needs: ['strace'],
  async run({ long, dice, note }: FaultContext): Promise<FaultResult> {
    const path = await MailPath.start({
      delivery: ['retry_delay=1'],
      // strace counts the calls of each thread by itself.
      under: () => ['env', 'UV_THREADPOOL_SIZE=1'],
    })
    const run = new MailRun(path, 'R2', dice)
    const violations: string[] = []
    const points = Array<readonly Point[]>(long ? ROUNDS : 1)
      .fill(POINTS)
      .flat()
    const mayComeTwice = new Set<SentMail>()
    const missed: string[] = []
    try {
      for (const { call, nth } of points) {
        const what = `${call} ${nth}`
        const inject = `inject=${call}:signal=SIGKILL:when=${nth}`
        await Strace.attach(path.haraka.pid, [
          '-o',
          '/dev/null',
          '-e',
          `trace=${call}`,
          '-e',
          inject,
        ])
        const idle = () => !path.haraka.running || path.haraka.queueFiles().length === 0
        for (const octets of [SHORT, LONG]) {
          const mail = await run.send(octets)
          // The kill hits between the intake's 250 and the removal of the file. In the log the end is a
          // mark, which is written when there is time: any kill may come before it.
          const isMarked = WRITE_AHEAD === 'log' && octets === SHORT
          if (isMarked || call === 'unlink') mayComeTwice.add(mail)
          await comesTrue(idle, 5_000)
        }
        if (!(await comesTrue(() => !path.haraka.running, 5_000))) missed.push(what)
        await path.haraka.kill9()
        await path.haraka.start()
        if (!(await run.allCopied(10_000))) violations.push(`${what}: not all copied in 10 s`)
        if (!(await comesTrue(() => path.haraka.queueFiles().length === 0, 10_000))) {
          violations.push(`${what}: left ${path.haraka.queueFiles().join(' ')}`)
          break
        }
      }
      violations.push(...missed.map((what) => `${what} was never reached`))
      const copies = (mail: SentMail) => (mayComeTwice.has(mail) ? 2 : 1)
      violations.push(...(await run.violations({ copies })))
      const told = (kind: string) => run.mails.filter((mail) => mail.told === kind).length
      note(`${points.length} kills, ${told('accepted')} accepted, ${told('nothing')} told nothing`)
      const figures = { mails: run.mails.length, copies: path.intake.copies.size }
      return { n: points.length, violations, figures }
    } finally {
      await path.close()
    }
  },
}

function nth(call: string, count: number): Point[] {
  return Array.from({ length: count }, (_, at) => ({ call, nth: at + 1 }))
}
