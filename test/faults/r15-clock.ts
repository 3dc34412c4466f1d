import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MailPath } from '../support/mail-path'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { MailRun } from './mail-run'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** Milliseconds that the clock is off, one after the other: each is a jump from the one before. */
const JUMPS = [HOUR, 0, DAY, 0, -120_000, 0]

/** Seconds; a retry comes within twice of it. */
const RETRY_DELAY = 3

export const clockJumps: FaultCase = {
  name: 'R15',
  title: 'the clock jumps while copies wait for their retry, the process is frozen',
  async run({ long, dice, note }: FaultContext): Promise<FaultResult> {
    const path = await MailPath.start({
      beforeTdc: ['tdc_inspect', 'clock'],
      delivery: [`retry_delay=${RETRY_DELAY}`],
      preloads: [join(__dirname, '../support/clock-preload.js')],
    })
    const run = new MailRun(path, 'R15', dice)
    const violations: string[] = []
    const copies = long ? 150 : 10

    async function retriedAfter(what: string, trouble: () => Promise<void>): Promise<void> {
      await deferred(path, run, copies)
      await trouble()
      if (await run.allCopied(2 * RETRY_DELAY * 1_000)) return
      violations.push(`${what}: a retry came later than twice its delay`)
      await run.allCopied(20_000)
    }

    try {
      for (const offset of JUMPS) {
        const what = `the clock is set ${offset / 1_000} s off`
        await retriedAfter(what, async () => void (await path.ask(`CLOCK ${offset}`)))
      }
      // Written with a day too much in their names, and found at a start with the right time.
      await path.ask(`CLOCK ${DAY}`)
      await retriedAfter('set back by a day over a restart', () => path.haraka.restart('SIGKILL'))
      await path.ask(`CLOCK ${-DAY}`)
      await retriedAfter('set forward by a day over a restart', () =>
        path.haraka.restart('SIGKILL'),
      )

      await deferred(path, run, copies)
      path.haraka.signal('SIGSTOP')
      await sleep(long ? 10_000 : 4_000)
      path.haraka.signal('SIGCONT')
      if (!(await run.allCopied(2 * RETRY_DELAY * 1_000))) violations.push('frozen: no retry')

      violations.push(...(await run.violations()))
      const bad = /\bNaN\b|Expired|Hard Bounced|Should never get here/
      violations.push(...path.haraka.lines.entries.filter((line) => bad.test(line)))
      note(`${run.mails.length} copies, ${JUMPS.length} jumps, 2 restarts, frozen once`)
      return { n: run.mails.length, violations }
    } finally {
      await path.close()
    }
  },
}

/** So many mails whose copies wait for their retry; from now on the intake takes them. */
async function deferred(path: MailPath, run: MailRun, count: number): Promise<void> {
  const lines = () => path.haraka.log.filter((line) => / deferred: DCID /.test(line)).length
  const before = lines()
  path.onCopy = () => Promise.resolve('451 4.3.0 Later')
  await run.sendMany(count, 1_000)
  await path.haraka.lines.until(
    () => lines() === before + count,
    20_000,
    () => `${lines() - before} of ${count} deferred\n${path.haraka.tail()}`,
  )
  path.onCopy = () => Promise.resolve(undefined)
}
